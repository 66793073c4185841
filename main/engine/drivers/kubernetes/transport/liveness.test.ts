import { describe, expect, test } from 'vitest'
import { Deliveries, type Link, watchLiveness } from './liveness'
import { ManualClock } from './testing.suite'

function watch(changes: Partial<Link> = {}, reachable = async () => true) {
  const clock = new ManualClock()
  const link = {
    received: 0,
    handedOver: 0,
    waiting: 0,
    paused: false,
    mayBeStuck: false,
    pings: 0,
    ...changes,
  }
  const dead: string[] = []
  const over = new AbortController()
  const watched = watchLiveness(
    Object.assign(link, {
      ping: () => {
        link.pings++
      },
    }),
    { clock, reachable, onDead: (reason) => dead.push(reason) },
    over.signal,
  )
  const end = () => {
    over.abort()
    return watched
  }
  return { clock, link, dead, end }
}

describe('a connection', () => {
  test('without a sign of life is dead after 20 s, not before, and told once', async () => {
    const { clock, dead, end } = watch()
    await clock.advance(18_000)
    expect(dead).toEqual([])
    await clock.advance(60_000)
    expect(dead).toEqual([expect.stringContaining('no sign of life')])
    await end()
  })

  test('that takes what had to wait lives; bytes that go at once say nothing', async () => {
    const slow = watch({ waiting: 1000 })
    const gone = watch()
    for (let second = 0; second < 60; second++) {
      slow.link.handedOver += 10
      gone.link.handedOver += 10
      await slow.clock.advance(1000)
      await gone.clock.advance(1000)
    }
    expect(slow.dead).toEqual([])
    expect(gone.dead).toHaveLength(1)
    await Promise.all([slow.end(), gone.end()])
  })

  test('gets its time after the machine slept', async () => {
    const { clock, link, dead, end } = watch()
    clock.jump(3_600_000)
    await clock.advance(6_000)
    expect(dead).toEqual([])
    expect(link.pings).toBeGreaterThan(0)
    await clock.advance(20_000)
    expect(dead).toHaveLength(1)
    await end()
  })

  test('that may be stuck is dead when the server is gone', async () => {
    let answers = true
    const { clock, dead, end } = watch({ mayBeStuck: true }, async () => answers)
    await clock.advance(120_000)
    expect(dead).toEqual([])
    answers = false
    await clock.advance(20_000)
    expect(dead).toHaveLength(1)
    await end()
  })
})

describe('what was sent', () => {
  test('may have got the peer stuck if it is much and no ping behind it was answered', () => {
    const deliveries = new Deliveries()
    deliveries.sent = 100
    expect(deliveries.mayBeStuck).toBe(false)
    deliveries.sent = 10_000
    expect(deliveries.mayBeStuck).toBe(true)
    deliveries.confirm(10_000)
    expect(deliveries.mayBeStuck).toBe(false)
    // It may still lie there unread, and one byte more be too much.
    deliveries.sent += 1
    expect(deliveries.mayBeStuck).toBe(true)
  })

  test('is forgotten after a minute of answers: keys of a terminal are never much', () => {
    const deliveries = new Deliveries()
    for (let ping = 0; ping < 100; ping++) {
      deliveries.sent += 200
      expect(deliveries.mayBeStuck).toBe(false)
      deliveries.confirm(deliveries.sent)
    }
  })
})
