import { describe, expect, it } from 'vitest'
import { bootstrap, median, quantile } from './statistics'

describe('quantile', () => {
  it('lies between neighbours', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5)
    expect(quantile([7], 0.99)).toBe(7)
    expect(quantile([], 0.5)).toBeNaN()
  })
})

describe('bootstrap', () => {
  it('is the same for the same values, and holds the median', () => {
    const values = [1, 1.1, 0.9, 1.05, 0.95, 1.2, 0.8]
    const interval = bootstrap(values)
    expect(bootstrap(values)).toEqual(interval)
    expect(interval.low).toBeLessThanOrEqual(1)
    expect(interval.high).toBeGreaterThanOrEqual(1)
    expect(interval.low).toBeGreaterThanOrEqual(0.8)
    expect(interval.high).toBeLessThanOrEqual(1.2)
  })

  it('lies higher for a higher quantile', () => {
    const values = Array.from({ length: 40 }, (_, index) => index)
    expect(bootstrap(values, 0.95).low).toBeGreaterThan(bootstrap(values).high)
  })
})
