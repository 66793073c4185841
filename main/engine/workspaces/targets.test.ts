import { afterEach, expect, it } from 'vitest'
import { type Problem, problem } from '#contract'
import type { Driver, DriverProvider, TargetDescription, TargetFacts, WatchEvent } from '../drivers/driver'
import { createNodePlatform } from '../platform/node'
import { Targets } from './targets'

const facts: TargetFacts = {
  version: '1',
  apiVersion: '1.41',
  platform: 'linux/amd64',
  latency: 1,
  capabilities: { bindMounts: true, build: true, keepsContainerFiles: true, endsForSure: true },
}
const down: Problem = { code: 'target-unreachable', title: 'Down', cause: 'It is down.', remedy: 'Start it.' }

/** A provider whose targets do as they are told. Only what {@link Targets} uses is there. */
class FakeProvider implements DriverProvider {
  readonly kind = 'docker'
  readonly disposed: string[] = []
  readonly watches: string[] = []
  up = true
  #listener: (targets: readonly TargetDescription[]) => void = () => undefined
  #events = new Map<string, (event: WatchEvent) => void>()

  constructor(public configured: readonly TargetDescription[]) {}

  watchTargets(listener: (targets: readonly TargetDescription[]) => void) {
    this.#listener = listener
    listener(this.configured)
    return () => undefined
  }

  configure(targets: readonly TargetDescription[]): void {
    this.#listener(targets)
  }

  say(id: string, event: WatchEvent): void {
    this.#events.get(id)?.(event)
  }

  open({ id }: TargetDescription): Driver {
    const self = this
    const driver: Pick<Driver, 'kind' | 'targetId' | 'probe' | 'watch' | 'dispose'> = {
      kind: 'docker',
      targetId: id,
      probe: async () => {
        if (self.up) return facts
        throw problem(down)
      },
      async *watch(signal) {
        self.watches.push(id)
        const queue: WatchEvent[] = [
          self.up ? { type: 'snapshot', workspaces: [] } : { type: 'unreachable', problem: down },
        ]
        let wake: () => void = () => undefined
        self.#events.set(id, (event) => {
          queue.push(event)
          wake()
        })
        signal.addEventListener('abort', () => wake())
        while (!signal.aborted) {
          const event = queue.shift()
          if (event) yield event
          else
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      },
      dispose: async () => {
        self.disposed.push(id)
      },
    }
    return driver as Driver
  }
}

const target = (id: string, more: Partial<TargetDescription> = {}): TargetDescription => ({
  id,
  name: id,
  endpoint: `unix:///${id}`,
  isDefault: false,
  ...more,
})

let open: Targets | undefined
afterEach(() => open?.dispose())

async function follow(provider: FakeProvider) {
  const heard: string[] = []
  const platform = createNodePlatform({ version: '0', resources: '/nowhere', env: { HOME: '/nowhere' } })
  const targets = new Targets(platform, [provider], {
    onWatch: (id, event) => heard.push(`${id} ${event.type}`),
    onTarget: () => undefined,
  })
  open = targets
  await targets.start()
  return { targets, heard }
}

it('settles when each target has answered or failed, and knows the broken ones at once', async () => {
  const provider = new FakeProvider([target('a', { isDefault: true }), target('b', { problem: down })])
  const { targets, heard } = await follow(provider)
  expect(targets.collection.get('a')).toMatchObject({ state: 'ready', isDefault: true, ...facts })
  expect(targets.collection.get('b')).toMatchObject({ state: 'unreachable', problem: down })
  expect(targets.driver('b')).toBeUndefined()
  expect(heard).toEqual(['a snapshot'])
})

it('follows a target that goes and comes back', async () => {
  const provider = new FakeProvider([target('a')])
  const { targets } = await follow(provider)
  provider.say('a', { type: 'unreachable', problem: down })
  await expect.poll(() => targets.collection.get('a')?.state).toBe('unreachable')
  expect(targets.collection.get('a')?.problem).toEqual(down)
  provider.say('a', { type: 'snapshot', workspaces: [] })
  await expect.poll(() => targets.collection.get('a')?.state).toBe('ready')
  expect(targets.collection.get('a')?.problem).toBeUndefined()
})

it('does not wait for the next try when somebody asks', async () => {
  const provider = new FakeProvider([target('a')])
  provider.up = false
  const { targets } = await follow(provider)
  const { signal } = new AbortController()
  expect(await targets.probe('a', signal)).toBe(true)
  expect(targets.collection.get('a')?.state).toBe('unreachable')
  provider.up = true
  await targets.probe('a', signal)
  expect(targets.collection.get('a')?.state).toBe('ready')
  await expect.poll(() => provider.watches).toEqual(['a', 'a'])
  expect(await targets.probe('none', signal)).toBe(false)
})

it('comes back by itself when only the question failed', async () => {
  const provider = new FakeProvider([target('a')])
  const { targets } = await follow(provider)
  provider.up = false
  await targets.probe('a', new AbortController().signal)
  expect(targets.collection.get('a')?.state).toBe('unreachable')
  provider.up = true
  await expect.poll(() => targets.collection.get('a')?.state).toBe('ready')
})

it('adds, changes and removes targets as the configuration does', async () => {
  const provider = new FakeProvider([target('a'), target('b')])
  const { targets } = await follow(provider)
  const driver = targets.driver('a')
  provider.configure([
    target('a', { isDefault: true }),
    target('b', { endpoint: 'tcp://other' }),
    target('c'),
  ])
  expect(targets.driver('a')).toBe(driver)
  expect(targets.collection.get('a')).toMatchObject({ isDefault: true, state: 'ready' })
  await expect
    .poll(() =>
      targets.collection
        .list()
        .map(({ id, state }) => `${id} ${state}`)
        .sort(),
    )
    .toEqual(['a ready', 'b ready', 'c ready'])
  expect(targets.collection.get('b')?.endpoint).toBe('tcp://other')
  provider.configure([])
  expect(targets.collection.list()).toEqual([])
  await expect.poll(() => provider.disposed.sort()).toEqual(['a', 'b', 'b', 'c'])
})
