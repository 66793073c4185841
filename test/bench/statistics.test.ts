import { describe, expect, it } from 'vitest'
import { bootstrapMedian, median, quantile } from './statistics'

describe('quantile', () => {
  it('lies between neighbours', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5)
    expect(quantile([7], 0.99)).toBe(7)
    expect(quantile([], 0.5)).toBeNaN()
  })
})

describe('bootstrapMedian', () => {
  it('is the same for the same values, and holds the median', () => {
    const values = [1, 1.1, 0.9, 1.05, 0.95, 1.2, 0.8]
    const interval = bootstrapMedian(values)
    expect(bootstrapMedian(values)).toEqual(interval)
    expect(interval.low).toBeLessThanOrEqual(1)
    expect(interval.high).toBeGreaterThanOrEqual(1)
    expect(interval.low).toBeGreaterThanOrEqual(0.8)
    expect(interval.high).toBeLessThanOrEqual(1.2)
  })
})
