import { describe, expect, it } from 'vitest'
import { ACK_EVERY } from '#contract/streams'
import { AckCounter, pieces } from './pace'

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
    for (const bytes of [1, 4_998, 1, 10, 20_000, 4_999]) {
      consumed += bytes
      counter.consumed(bytes)
      expect(consumed - told.reduce((sum, each) => sum + each, 0)).toBeLessThan(ACK_EVERY)
    }
    expect(told).toEqual([5_000, 20_010])
  })
})
