import { beforeEach, expect, it, vi } from 'vitest'
import { CHECKPOINT_EVERY, CHECKPOINT_QUIET, CHECKPOINT_WORTH, CheckpointPace } from './checkpoint-pace'

let made: number
let pace: CheckpointPace
beforeEach(() => {
  vi.useFakeTimers()
  made = 0
  pace = new CheckpointPace(() => {
    made += 1
  })
  return () => vi.useRealTimers()
})

it('comes when output has paused, and was worth it', () => {
  pace.printed(CHECKPOINT_WORTH - 1, false)
  vi.advanceTimersByTime(10 * CHECKPOINT_QUIET)
  expect(made).toBe(0)
  pace.printed(CHECKPOINT_WORTH, false)
  vi.advanceTimersByTime(CHECKPOINT_QUIET - 1)
  pace.printed(CHECKPOINT_WORTH + 1, false)
  vi.advanceTimersByTime(CHECKPOINT_QUIET - 1)
  expect(made).toBe(0)
  vi.advanceTimersByTime(1)
  expect(made).toBe(1)
})

it('comes now and then in a flood, however fast that is', () => {
  let since = 0
  for (let time = 0; time < 4 * CHECKPOINT_EVERY.milliseconds; time += 10) {
    vi.advanceTimersByTime(10)
    since += 1_000_000
    const before = made
    pace.printed(since, false)
    if (made > before) since = 0
  }
  expect(made).toBe(4)
})

it('waits for the end of a log', () => {
  for (let time = 0; time < 4 * CHECKPOINT_EVERY.milliseconds; time += 10) {
    vi.advanceTimersByTime(10)
    pace.printed(CHECKPOINT_EVERY.bytes + time, true)
  }
  expect(made).toBe(0)
  vi.advanceTimersByTime(CHECKPOINT_QUIET)
  expect(made).toBe(1)
})

it('comes no more once it is stopped', () => {
  pace.printed(CHECKPOINT_WORTH, false)
  pace.stop()
  vi.advanceTimersByTime(10 * CHECKPOINT_QUIET)
  expect(made).toBe(0)
})
