import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { QuietTimes } from './give-back'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('begins once when nothing has happened for a while, and again after more work', () => {
  const begin = vi.fn()
  const quiet = new QuietTimes(begin)
  for (let second = 0; second < 20; second++) {
    quiet.active()
    vi.advanceTimersByTime(1_000)
  }
  expect(begin).not.toHaveBeenCalled()
  vi.advanceTimersByTime(5_000)
  expect(begin).toHaveBeenCalledTimes(1)
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(600_000)
  expect(begin).toHaveBeenCalledTimes(1)
  quiet.active()
  vi.advanceTimersByTime(6_000)
  expect(begin).toHaveBeenCalledTimes(2)
})

it('does not begin again within a minute, and makes up for it then', () => {
  const begin = vi.fn()
  const quiet = new QuietTimes(begin)
  quiet.active()
  vi.advanceTimersByTime(6_000)
  quiet.active()
  vi.advanceTimersByTime(30_000)
  expect(begin).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(40_000)
  expect(begin).toHaveBeenCalledTimes(2)
})
