import { afterEach, describe, expect, it } from 'vitest'
import { FakeCollection, FakeError, type FakeObject, ManualClock, settle } from './fake-server'
import { Reflector } from './reflector'

interface Rig {
  readonly server: FakeCollection
  readonly clock: ManualClock
  /** What a user of the reflector believes. */
  readonly seen: Map<string, FakeObject>
  readonly told: string[]
  end(): Promise<void>
}

const rigs: Rig[] = []

function start(prepare: (server: FakeCollection) => void = () => undefined): Rig {
  const server = new FakeCollection()
  prepare(server)
  const clock = new ManualClock()
  const seen = new Map<string, FakeObject>()
  const told: string[] = []
  const controller = new AbortController()
  const running = new Reflector<FakeObject>({
    client: server,
    clock,
    path: '/things',
    random: () => 0.5,
    handler: {
      listed: (objects) => {
        told.push(`listed ${objects.size}`)
        seen.clear()
        for (const [name, object] of objects) seen.set(name, object)
      },
      changed: (object) => {
        told.push(`changed ${object.metadata.name}`)
        seen.set(object.metadata.name, object)
      },
      removed: (object) => {
        told.push(`removed ${object.metadata.name}`)
        seen.delete(object.metadata.name)
      },
      failed: () => told.push('failed'),
      alive: () => undefined,
    },
  }).run(controller.signal)
  const rig = {
    server,
    clock,
    seen,
    told,
    end: async () => {
      controller.abort()
      await running
      await settle()
      expect(server.openWatches).toBe(0)
      expect(clock.sleepers).toBe(0)
    },
  }
  rigs.push(rig)
  return rig
}

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.end()
})

/** What the reflector told is what the server has, and nothing of who wrote which field. */
function expectTruth({ server, seen }: Rig): void {
  const versions = (objects: ReadonlyMap<string, FakeObject>) =>
    [...objects.values()].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort()
  expect(versions(seen)).toEqual(versions(server.objects))
  for (const object of seen.values()) expect(object.metadata).not.toHaveProperty('managedFields')
}

describe('Reflector', () => {
  it('lists in pages, then tells every change', async () => {
    const rig = start((server) => {
      for (let n = 0; n < 1_201; n++) server.set(`object-${n}`)
    })
    await settle()
    expect(rig.server.lists).toBe(3)
    expect(rig.told).toEqual(['listed 1201'])
    rig.server.set('object-3', { changed: true })
    rig.server.delete('object-4')
    rig.server.set('new')
    await settle()
    expect(rig.told.slice(1)).toEqual(['changed object-3', 'removed object-4', 'changed new'])
    expectTruth(rig)
  })

  it('misses nothing that happens between two pages, or between the list and the watch', async () => {
    const rig = start((server) => {
      for (let n = 0; n < 600; n++) server.set(`object-${n}`)
      let page = 0
      server.afterPage = () => {
        page++
        server.delete(`object-${page}`)
        server.set(`between-${page}`)
        server.set('object-599', { page })
      }
    })
    await settle()
    expect(rig.told[0]).toBe('listed 600')
    expectTruth(rig)
  })

  it('begins a list anew whose rest has expired, and asks for it in one piece in the end', async () => {
    const rig = start((server) => {
      for (let n = 0; n < 501; n++) server.set(`object-${n}`)
      server.expiredPages = 99
    })
    await settle()
    expect(rig.told).toEqual(['listed 501'])
    expect(rig.server.lists).toBe(7)
    expectTruth(rig)
  })

  it.each(['clean', 'reset'] as const)(
    'goes on where it was after a watch’s end (%s), at once and without a list',
    async (how) => {
      const rig = start()
      await settle()
      rig.server.set('a')
      await settle()
      rig.server.end(how)
      rig.server.set('b')
      rig.server.delete('a')
      await settle()
      expect(rig.told).toEqual(['listed 0', 'changed a', 'changed b', 'removed a'])
      expect(rig.server.lists).toBe(1)
      expectTruth(rig)
    },
  )

  it('notices within 20 s that a connection is dead without saying so', async () => {
    const rig = start()
    await settle()
    rig.server.end('half-open')
    rig.server.set('a')
    await rig.clock.advance(9_000)
    expect(rig.seen.size).toBe(0)
    await rig.clock.advance(11_000)
    expect(rig.told).toEqual(['listed 0', 'changed a'])
  })

  it('lets a watch live on that is late but not silent', async () => {
    const rig = start()
    await settle()
    for (let second = 0; second < 30; second++) {
      rig.server.bookmark()
      await rig.clock.advance(1_000)
    }
    expect(rig.server.watches).toBe(1)
    rig.server.set('a')
    await settle()
    expectTruth(rig)
  })

  it.each([
    ['told in the watch', (server: FakeCollection) => server.error(410)],
    [
      'as the answer to the next one',
      (server: FakeCollection) => {
        server.forgotten = server.version + 1
        server.version++
        server.end('reset')
      },
    ],
  ])('lists anew when the server has forgotten where it was: %s', async (_, forget) => {
    const rig = start((server) => server.set('a'))
    await settle()
    rig.server.end('half-open')
    rig.server.delete('a')
    rig.server.set('b')
    forget(rig.server)
    await rig.clock.advance(500)
    expect(rig.told).toEqual(['listed 1', 'listed 1'])
    expectTruth(rig)
  })

  it('goes on from a bookmark and not from what it has long seen', async () => {
    const rig = start((server) => server.set('a'))
    await settle()
    rig.server.version = 5_000
    rig.server.bookmark()
    await settle()
    rig.server.forgotten = 5_000
    rig.server.end('clean')
    await settle()
    expect(rig.told).toEqual(['listed 1'])
  })

  it.each([429, 500, 503, 403])('tries again after status %i, and says so', async (status) => {
    const rig = start((server) => {
      server.faults.push(new FakeError(status), new FakeError(status))
      server.set('a')
    })
    await rig.clock.advance(1_000)
    expect(rig.told).toEqual(['failed', 'failed', 'listed 1'])
    rig.server.faults.push(new FakeError(status))
    rig.server.end('clean')
    rig.server.set('b')
    await rig.clock.advance(4_000)
    expectTruth(rig)
  })

  it('is back within two seconds after the server is, if that was away for less than a minute', async () => {
    const rig = start((server) => server.set('a'))
    await settle()
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    rig.server.faults.push(...Array.from({ length: 1_000 }, () => refused))
    rig.server.end('reset')
    await rig.clock.advance(50_000)
    expect(rig.told.filter((one) => one === 'failed').length).toBeLessThan(80)
    rig.server.set('b')
    rig.server.faults.length = 0
    await rig.clock.advance(2_000)
    expectTruth(rig)
  })

  it('comes less often to a server that stays away, and never gives up', async () => {
    const rig = start((server) => {
      server.faults.push(...Array.from({ length: 10_000 }, () => new Error('away')))
    })
    await rig.clock.advance(3_600_000)
    expect(rig.told.length).toBeGreaterThan(200)
    expect(rig.told.length).toBeLessThan(500)
    rig.server.faults.length = 0
    rig.server.set('a')
    await rig.clock.advance(15_000)
    expectTruth(rig)
  })

  it('does not run in circles around a server that ends every watch at once', async () => {
    const rig = start()
    for (let round = 0; round < 200; round++) {
      await rig.clock.advance(10)
      rig.server.end('clean')
    }
    expect(rig.server.watches).toBeLessThan(20)
  })

  it('ends at any moment, and leaves nothing open', async () => {
    for (const fault of [undefined, 'hang', new Error('away')] as const) {
      const rig = start((server) => {
        if (fault) server.faults.push(fault)
      })
      await settle()
      await rig.end()
    }
  })

  it('tells the truth in the end, whatever breaks when', async () => {
    const random = generator(42)
    for (let round = 0; round < 15; round++) {
      const rig = start((server) => {
        for (let n = 0; n < 30; n++) server.set(`object-${n}`)
      })
      for (let step = 0; step < 120; step++) {
        const { server, clock } = rig
        const name = `object-${Math.floor(random() * 40)}`
        const dice = random()
        if (dice < 0.4) server.set(name, { step })
        else if (dice < 0.6) server.delete(name)
        else if (dice < 0.65) server.end('clean')
        else if (dice < 0.72) server.end('reset')
        else if (dice < 0.76) server.end('half-open')
        else if (dice < 0.79) server.error(random() < 0.5 ? 410 : 500)
        else if (dice < 0.82) server.forgotten = server.version
        else if (dice < 0.86) server.faults.push(new FakeError([410, 429, 500, 503][step % 4] ?? 500))
        else if (dice < 0.9) server.faults.push(new Error('away'))
        else if (dice < 0.93) server.bookmark()
        else await clock.advance(random() * 3_000)
        if (random() < 0.3) await settle()
      }
      await rig.clock.advance(40_000)
      expectTruth(rig)
      await rig.end()
      rigs.pop()
    }
  })
})

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
