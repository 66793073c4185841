import { describe, expect, it } from 'vitest'
import { Bursts } from './give-back'

describe('Bursts', () => {
  it('tells the end of a burst once', () => {
    const bursts = new Bursts()
    expect(bursts.over(0.5, 10_000_000)).toBe(false)
    expect(bursts.over(0.01, 10_000_000)).toBe(true)
    expect(bursts.over(0.01, 10_000_000)).toBe(false)
    expect(bursts.over(0.3, 10_000_000)).toBe(false)
    expect(bursts.over(0.01, 10_000_000)).toBe(true)
  })

  it('waits until it is worth it', () => {
    const bursts = new Bursts()
    expect(bursts.over(0.01, 1_000_000)).toBe(false)
    expect(bursts.over(0.01, 5_000_000)).toBe(true)
  })
})
