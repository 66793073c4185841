import { describe, expect, it } from 'vitest'
import { Workspace } from '#contract'
import { defaultDefinition } from '../definitions/index'
import type { ObservedWorkspace } from '../drivers/driver'
import { reconcile, type Situation } from './reconcile'

const observed: ObservedWorkspace = {
  id: 'abcdefghij',
  name: 'app',
  owner: 'me@here',
  source: { kind: 'image', image: 'debian' },
  definition: defaultDefinition({ sourceName: 'app', defaultImage: 'debian' }),
  image: 'debian',
  user: { name: 'root', uid: 0, gid: 0, home: '/root' },
  createdAt: 1,
  startedAt: 2,
  incarnation: 'x',
  run: 'running',
  reason: 'Running',
  complete: true,
  replacing: false,
}

function see(fields: Partial<Situation>, more: Partial<ObservedWorkspace> = {}) {
  const workspace = reconcile({
    targetId: 'docker:default',
    target: { state: 'ready', name: 'default' },
    owner: 'me@here',
    observed: { ...observed, ...more },
    ...fields,
  })
  if (!workspace) return undefined
  expect(Workspace.parse(workspace)).toEqual(workspace)
  expect(workspace.reason).not.toBe('')
  expect(workspace.reason).not.toMatch(/\.$/)
  if (workspace.problem) expect(workspace.state).toBe('failed')
  if (workspace.state === 'failed') expect(workspace.problem).toBeDefined()
  return { state: workspace.state, reason: workspace.reason, problem: workspace.problem }
}

const action = (
  kind: 'create' | 'start' | 'stop' | 'restart' | 'rebuild' | 'rename' | 'delete',
  phase = '',
) => ({
  action: { kind, phase, elsewhere: false },
})

describe('the reason of a workspace that Berth stopped by itself', () => {
  const lastStop = { at: 10_000_000, reason: 'Stopped by Berth after 30 minutes without activity' }

  it('is why, and not only that it is', () => {
    const stopped = { run: 'stopped', reason: 'Stopped', lastStop } as const
    expect(see({}, stopped)).toMatchObject({ state: 'stopped', reason: lastStop.reason })
    expect(see({}, { ...stopped, stoppedAt: lastStop.at + 3_000 })).toMatchObject({ reason: lastStop.reason })
  })

  it('is none of a later stop, nor of one that runs again', () => {
    const later = { run: 'stopped', reason: 'Stopped', lastStop, stoppedAt: lastStop.at + 3_600_000 } as const
    expect(see({}, later)).toMatchObject({ reason: 'Stopped' })
    expect(see({}, { lastStop })).toMatchObject({ state: 'running', reason: 'Running' })
    expect(see({}, { run: 'failed', reason: 'It ran out of memory', lastStop })).toMatchObject({
      reason: 'It ran out of memory',
    })
  })
})

describe('the state of a workspace', () => {
  it('is what its target says while nothing is done to it', () => {
    expect(see({})).toEqual({ state: 'running', reason: 'Running', problem: undefined })
    expect(see({}, { run: 'stopped', reason: 'Stopped' })).toMatchObject({ state: 'stopped' })
    expect(see({}, { run: 'starting', reason: 'Docker is restarting it' })).toMatchObject({
      state: 'starting',
    })
    expect(see({}, { run: 'stopping', reason: 'x' })).toMatchObject({ state: 'stopping' })
    expect(see({}, { run: 'failed', reason: 'It ended' })).toMatchObject({
      state: 'failed',
      reason: 'It ended',
      problem: { code: 'workspace-exited' },
    })
  })

  it.each([
    ['create', 'creating'],
    ['start', 'starting'],
    ['stop', 'stopping'],
    ['restart', 'starting'],
    ['rebuild', 'starting'],
    ['delete', 'deleting'],
    ['rename', 'running'],
  ] as const)('follows %s', (kind, state) => {
    expect(see(action(kind))?.state).toBe(state)
  })

  it('tells what is being done, and where', () => {
    expect(see(action('rebuild', 'preparing the image'))?.reason).toBe('Being rebuilt: preparing the image')
    expect(see(action('restart', 'stopping'))?.state).toBe('stopping')
    expect(see({ action: { kind: 'stop', phase: 'stopping', elsewhere: true } })?.reason).toBe(
      'Stopping by another Berth process: stopping',
    )
  })

  it('has no problem while it is being mended', () => {
    expect(see(action('start'), { run: 'failed', reason: 'It ended' })).toMatchObject({ problem: undefined })
  })

  it('is a draft until the target knows it, and nothing without an action', () => {
    const { observed: _none, ...rest } = { observed: undefined, targetId: 'docker:default' }
    const draft = reconcile({ targetId: rest.targetId, target: undefined, owner: 'x', observed })
    const situation = { targetId: rest.targetId, target: undefined, owner: 'x', ...(draft ? { draft } : {}) }
    expect(reconcile(situation)).toBeUndefined()
    expect(reconcile({ ...situation, ...action('create', 'cloning the repository') })).toMatchObject({
      state: 'creating',
      reason: 'Being created: cloning the repository',
    })
  })

  it('tells of a creation that was interrupted here, and does not guess about one elsewhere', () => {
    expect(see({}, { complete: false, run: 'stopped' })).toMatchObject({
      state: 'failed',
      reason: 'Its creation is not done',
      problem: { code: 'interrupted', actions: [{ verb: 'rebuild' }, { verb: 'delete' }] },
    })
    expect(see({}, { complete: false, owner: 'you@there' })).toMatchObject({
      state: 'creating',
      reason: 'Being created by you@there, or interrupted there',
    })
    expect(
      see({ interrupted: { kind: 'create', phase: 'starting' } }, { complete: false, owner: 'you@there' })
        ?.problem?.cause,
    ).toBe('Berth was ended while starting.')
  })

  it('tells of a rebuild that was interrupted, and of a container that was removed', () => {
    const half = { replacing: true, run: 'stopped' } as const
    expect(see({ interrupted: { kind: 'rebuild', phase: 'starting' } }, half)).toMatchObject({
      state: 'failed',
      reason: 'Its rebuild was interrupted',
    })
    // A process of another home has no lock here: it may be at work.
    expect(see({}, half)).toMatchObject({
      state: 'starting',
      reason: 'Being rebuilt elsewhere, or interrupted there',
    })
    expect(see({}, { run: 'missing' })).toMatchObject({
      state: 'failed',
      problem: { code: 'workspace-gone' },
    })
  })

  it('stays usable when a lifecycle command failed or was cut off', () => {
    const mishap = {
      code: 'lifecycle-failed',
      title: 'onCreateCommand failed',
      cause: 'x',
      remedy: '',
    } as const
    expect(see({ mishap })).toEqual({
      state: 'running',
      reason: 'Running; onCreateCommand failed',
      problem: undefined,
    })
    expect(see({ interrupted: { kind: 'create', phase: 'running onCreateCommand' } })?.reason).toContain(
      'Berth was ended while running onCreateCommand',
    )
    expect(see({ mishap }, { run: 'stopped', reason: 'Stopped' })?.reason).toBe('Stopped')
  })

  it('is the last one known while the target is out of reach', () => {
    expect(see({ target: { state: 'unreachable', name: 'far' } })).toMatchObject({
      state: 'running',
      reason: 'far cannot be reached; last seen running',
    })
  })
})
