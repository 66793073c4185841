import { beforeEach, describe, expect, it, vi } from 'vitest'
import { SizeControl } from './size-control'

describe('size control', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    return () => vi.useRealTimers()
  })

  it('makes one size of many wishes, and the last one', async () => {
    const applied: string[] = []
    const told: string[] = []
    const size = new SizeControl({ columns: 80, rows: 24, apply: (c, r) => applied.push(`${c}x${r}`) })
    size.started(async (c, r) => {
      told.push(`${c}x${r}`)
    })
    for (let columns = 81; columns <= 120; columns++) size.request(columns, 30, false)
    expect(applied).toEqual([])
    await vi.advanceTimersByTimeAsync(100)
    expect(applied).toEqual(['120x30'])
    expect(told).toEqual(['120x30'])
  })

  it('tells the process of sizes one after the other, the last one always, and none twice', async () => {
    const told: string[] = []
    let answer: () => void = () => undefined
    const size = new SizeControl({ columns: 80, rows: 24, apply: () => undefined })
    size.request(90, 24, true)
    size.started((c, r) => {
      told.push(`${c}x${r}`)
      return new Promise((resolve) => {
        answer = resolve
      })
    })
    size.request(100, 24, true)
    size.request(110, 24, true)
    size.request(110, 24, true)
    expect(told).toEqual(['90x24'])
    answer()
    await vi.advanceTimersByTimeAsync(0)
    expect(told).toEqual(['90x24', '110x24'])
    answer()
    await vi.advanceTimersByTimeAsync(0)
    expect(told).toHaveLength(2)
  })

  it('takes no size without area, and none once stopped', async () => {
    const apply = vi.fn()
    const size = new SizeControl({ columns: 80, rows: 24, apply })
    size.request(0, 24, true)
    size.request(80, 0, true)
    size.request(90, 24, false)
    size.stop()
    size.request(70, 20, true)
    await vi.advanceTimersByTimeAsync(100)
    expect(apply).not.toHaveBeenCalled()
  })

  it('survives a process that cannot be told', async () => {
    const size = new SizeControl({ columns: 80, rows: 24, apply: () => undefined })
    size.started(() => Promise.reject(new Error('gone')))
    size.request(90, 24, true)
    await vi.advanceTimersByTimeAsync(0)
  })

  it('takes the size that somebody else gave the process, and is not misled by what it gave itself', async () => {
    const applied: string[] = []
    const told: string[] = []
    const size = new SizeControl({ columns: 80, rows: 24, apply: (c, r) => applied.push(`${c}x${r}`) })
    size.started(async (c, r) => {
      told.push(`${c}x${r}`)
    })
    size.request(90, 24, true)
    await vi.advanceTimersByTimeAsync(0)
    size.request(100, 24, true)
    await vi.advanceTimersByTimeAsync(0)
    size.heard(90, 24)
    size.heard(100, 24)
    expect(applied).toEqual(['90x24', '100x24'])
    size.heard(90, 24)
    expect(applied).toEqual(['90x24', '100x24', '90x24'])
    expect(told).toEqual(['90x24', '100x24'])
    size.request(100, 24, true)
    await vi.advanceTimersByTimeAsync(0)
    expect(told).toEqual(['90x24', '100x24', '100x24'])
    expect(applied.at(-1)).toBe('100x24')
  })
})
