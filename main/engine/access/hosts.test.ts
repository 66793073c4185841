import { describe, expect, it } from 'vitest'
import type { ProblemError, Target, Workspace } from '#contract'
import { Collection } from '../platform/collection'
import { findHost, hostOf } from './hosts'

const never = new AbortController().signal

function source(settled: Promise<void> = Promise.resolve()) {
  const workspaces = new Collection<Workspace>()
  const targets = new Collection<Target>()
  const addTarget = (id: string, name: string, state = 'ready') =>
    targets.set({ id, name, state } as unknown as Target)
  const add = (id: string, name: string, targetId: string, state = 'running') =>
    workspaces.set({ id, name, targetId, state, reason: 'It was stopped' } as unknown as Workspace)
  return { workspaces, targets, settled, add, addTarget }
}

function several() {
  const made = source()
  made.addTarget('docker:default', 'default')
  made.addTarget('kubernetes:arn:aws:eks:eu/prod/Team', 'arn:aws:eks:eu/prod/Team')
  made.add('a000000000', 'demo', 'docker:default')
  made.add('b000000000', 'demo', 'kubernetes:arn:aws:eks:eu/prod/Team')
  made.add('c000000000', 'alone', 'docker:default')
  return made
}

const outcome = (made: ReturnType<typeof source>, host: string) =>
  findHost(made, host, never).then(
    ({ id }) => id,
    (error: ProblemError) => error.problem.code,
  )

describe('the host of a workspace', () => {
  it('is its name, with that of its target where several have it, and leads back to it', async () => {
    const made = several()
    const hosts = made.workspaces
      .list()
      .map((workspace) => hostOf(workspace, made.workspaces.list(), made.targets.list()))
    expect(hosts).toEqual(['demo.default.berth', 'demo.arn-aws-eks-eu-prod-team.berth', 'alone.berth'])
    expect(await Promise.all(hosts.map((host) => outcome(made, host)))).toEqual([
      'a000000000',
      'b000000000',
      'c000000000',
    ])
  })

  it('is its id where two targets have the same name as well', () => {
    const made = source()
    made.addTarget('docker:a', 'same')
    made.addTarget('docker:a!', 'same')
    made.add('a000000000', 'demo', 'docker:a')
    made.add('b000000000', 'demo', 'docker:a!')
    const [first] = made.workspaces.list()
    expect(first && hostOf(first, made.workspaces.list(), made.targets.list())).toBe('a000000000.berth')
  })

  it.each([
    ['alone.berth', 'c000000000'],
    ['ALONE.Berth', 'c000000000'],
    ['alone', 'c000000000'],
    ['b000000000.berth', 'b000000000'],
    ['demo.docker-default.berth', 'a000000000'],
    ['demo.berth', 'invalid-input'],
    ['alon.berth', 'not-found'],
    ['alone.elsewhere.berth', 'not-found'],
    ['.berth', 'not-found'],
    ['', 'not-found'],
  ])('%s leads to %s', async (host, expected) => {
    expect(await outcome(several(), host)).toBe(expected)
  })

  it('is waited for while targets have not answered', async () => {
    let settle: () => void = () => undefined
    const settled = new Promise<void>((resolve) => {
      settle = resolve
    })
    const made = source(settled)
    made.addTarget('docker:default', 'default', 'connecting')
    const found = outcome(made, 'demo.berth')
    made.add('a000000000', 'demo', 'docker:default')
    settle()
    expect(await found).toBe('a000000000')
  })

  it('is waited for while it starts, and not where it is stopped or fails', async () => {
    const made = several()
    made.add('c000000000', 'alone', 'docker:default', 'starting')
    const found = outcome(made, 'alone.berth')
    made.add('c000000000', 'alone', 'docker:default', 'running')
    expect(await found).toBe('c000000000')
    made.add('c000000000', 'alone', 'docker:default', 'creating')
    const failing = outcome(made, 'alone.berth')
    made.add('c000000000', 'alone', 'docker:default', 'failed')
    expect(await failing).toBe('workspace-not-running')
  })

  it('is waited for no longer when nobody waits', async () => {
    const over = new AbortController()
    const made = source(new Promise(() => undefined))
    const found = findHost(made, 'demo.berth', over.signal)
    over.abort(new Error('enough'))
    await expect(found).rejects.toThrow('enough')
  })
})
