import { describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import { silentLogger } from '../../../platform/logger'
import type { WatchEvent } from '../../driver'
import type { ApiClient } from '../api'
import { specOf } from '../workspace/fixtures'
import { planWorkspace } from '../workspace/manifests'
import { FakeCollection, FakeError, ManualClock, settle } from './fake-server'
import { watchWorkspaces } from './watch'

function start(faults: readonly Error[] = []) {
  const statefulSets = new FakeCollection()
  const claims = new FakeCollection()
  claims.faults.push(...faults)
  const pods = new FakeCollection()
  const all = [statefulSets, claims, pods]
  const of = (path: string) => {
    const found = path.endsWith('/statefulsets') ? statefulSets : path.endsWith('/pods') ? pods : claims
    expect(path).toContain('/namespaces/team/')
    return found
  }
  const client: Pick<ApiClient, 'json' | 'stream' | 'failure' | 'identity'> = {
    identity: { targetName: 'here', endpoint: 'https://here', namespace: 'team' },
    json: (method, path, options) => of(path).json(method, path, options),
    stream: (path, options) => of(path).stream(path, options),
    failure: (error, title) =>
      new ProblemError({ code: 'target-unreachable', title, cause: String(error), remedy: 'r' }),
  }
  const clock = new ManualClock()
  const controller = new AbortController()
  const events: WatchEvent[] = []
  const done = (async () => {
    for await (const event of watchWorkspaces({ client, clock, logger: silentLogger }, controller.signal))
      events.push(event)
  })()
  return {
    statefulSets,
    claims,
    pods,
    all,
    clock,
    events,
    end: async () => {
      controller.abort()
      await done
      await settle()
      expect(all.map((one) => one.openWatches)).toEqual([0, 0, 0])
    },
    /** Makes a workspace as the API server has it. */
    put: (id: string, replicas = 0, name = id) => {
      const { statefulSet, claim } = planWorkspace(specOf({ id, name }), {
        namespace: 'team',
        making: 'abc',
        options: {},
        env: {},
        secretName: 's',
      })
      claims.set(`ws-${id}`, {}, { ...claim.metadata })
      statefulSets.set(`ws-${id}`, { spec: { ...statefulSet.spec, replicas } }, { ...statefulSet.metadata })
    },
  }
}

const told = (events: readonly WatchEvent[]) =>
  events.map((event) =>
    event.type === 'snapshot'
      ? `snapshot ${event.workspaces.map(({ id }) => id).join()}`
      : event.type === 'changed'
        ? `${event.workspace.id} ${event.workspace.run}`
        : event.type === 'removed'
          ? `${event.id} removed`
          : event.type,
  )

describe('watchWorkspaces', () => {
  it('tells all, then every change once', async () => {
    const rig = start()
    rig.put('taaaaaaaaa')
    await settle()
    expect(told(rig.events)).toEqual(['snapshot taaaaaaaaa'])
    rig.put('taaaaaaaaa', 1)
    await settle()
    rig.pods.set('ws-taaaaaaaaa-0', { status: { phase: 'Pending' } })
    rig.pods.set('ws-taaaaaaaaa-files', { status: { phase: 'Running' } })
    rig.pods.set('berth-look-1', {})
    await settle()
    rig.pods.set('ws-taaaaaaaaa-0', {
      status: { phase: 'Running', containerStatuses: [{ name: 'workspace', state: { running: {} } }] },
    })
    await settle()
    rig.put('tbbbbbbbbb')
    await settle()
    rig.claims.delete('ws-tbbbbbbbbb')
    rig.statefulSets.delete('ws-tbbbbbbbbb')
    await settle()
    expect(told(rig.events).slice(1)).toEqual([
      'taaaaaaaaa starting',
      'taaaaaaaaa starting',
      'taaaaaaaaa running',
      'tbbbbbbbbb stopped',
      'tbbbbbbbbb removed',
    ])
    await rig.end()
  })

  it('says once that the cluster is away, and begins again with a snapshot', async () => {
    const rig = start()
    rig.put('taaaaaaaaa')
    await settle()
    for (const one of rig.all) {
      one.faults.push(...Array.from({ length: 3 }, () => new Error('refused')))
      one.end('reset')
    }
    await rig.clock.advance(300)
    expect(told(rig.events)).toEqual(['snapshot taaaaaaaaa', 'unreachable'])
    await rig.clock.advance(5_000)
    rig.put('tbbbbbbbbb')
    await settle()
    const said = told(rig.events)
    expect(said.slice(0, 3)).toEqual(['snapshot taaaaaaaaa', 'unreachable', 'snapshot taaaaaaaaa'])
    expect(said.at(-1)).toBe('tbbbbbbbbb stopped')
    await rig.end()
  })

  it('says nothing of a connection that was lost and made again at once', async () => {
    const rig = start()
    await settle()
    await rig.clock.advance(2_000)
    for (const one of rig.all) one.end('reset')
    rig.put('taaaaaaaaa')
    await settle()
    // Its objects may come one by one.
    expect([...new Set(told(rig.events))]).toEqual(['snapshot ', 'taaaaaaaaa stopped'])
    await rig.end()
  })

  it('says why when one of the lists is forbidden', async () => {
    const rig = start(Array.from({ length: 3 }, () => new FakeError(403)))
    await settle()
    expect(told(rig.events)).toEqual(['unreachable'])
    await rig.clock.advance(10_000)
    expect(told(rig.events)).toEqual(['unreachable', 'snapshot '])
    await rig.end()
  })

  it('ends when it is aborted before it begins', async () => {
    const rig = start()
    await rig.end()
    expect(rig.events).toEqual([])
  })
})
