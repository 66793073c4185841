import { describe, expect, it } from 'vitest'
import { ACK_EVERY } from '#contract/streams'
import { AckCounter, FloodGauge, pieces } from './pace'

describe('pace', () => {
  it('cuts chunks without loss', () => {
    for (const length of [0, 1, 16_384, 16_385, 65_536, 100_001]) {
      const data = Uint8Array.from({ length }, (_, index) => index)
      const parts = pieces(data)
      expect(Buffer.concat(parts).equals(Buffer.from(data))).toBe(true)
      expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(16_384)
    }
  })

  it('acknowledges as often as the contract asks, and exactly what was parsed', () => {
    const told: number[] = []
    const counter = new AckCounter((bytes) => told.push(bytes))
    let consumed = 0
    for (const bytes of [1, ACK_EVERY - 2, 1, 10, 4 * ACK_EVERY, ACK_EVERY - 1]) {
      consumed += bytes
      counter.consumed(bytes)
      expect(consumed - told.reduce((sum, each) => sum + each, 0)).toBeLessThan(ACK_EVERY)
    }
    expect(told).toEqual([ACK_EVERY, 4 * ACK_EVERY + 10])
  })
})

describe('FloodGauge', () => {
  it('tells a flood from a busy program, and ends with it', () => {
    const gauge = new FloodGauge()
    for (let now = 0; now < 1_000; now += 10) {
      gauge.came(1_000, now)
      expect(gauge.isFlood(now)).toBe(false)
    }
    for (let now = 1_000; now < 2_000; now += 10) gauge.came(60_000, now)
    expect(gauge.isFlood(1_995)).toBe(true)
    expect(gauge.isFlood(2_060)).toBe(false)
    gauge.came(10, 3_000)
    expect(gauge.isFlood(3_000)).toBe(false)
  })

  it('ends sooner for one who waits for what comes of a key', () => {
    const gauge = new FloodGauge()
    for (let now = 0; now < 2_000; now += 5) gauge.came(60_000, now)
    expect(gauge.isFlood(2_010)).toBe(true)
    gauge.typed(1_990)
    expect(gauge.isFlood(2_000)).toBe(true)
    expect(gauge.isFlood(2_010)).toBe(false)
    for (let now = 2_000; now < 3_000; now += 5) gauge.came(60_000, now)
    expect(gauge.isFlood(3_010)).toBe(true)
  })
})
