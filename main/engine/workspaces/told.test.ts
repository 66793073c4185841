import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { untilTold } from './told'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** What a target says, and whether the wait for it is over. */
function wait() {
  const target = { isTold: false, isAway: false }
  const watchers = new Set<() => void>()
  let isOver = false
  void untilTold({
    isTold: () => target.isTold,
    isAway: () => target.isAway,
    watch: (look) => {
      watchers.add(look)
      return () => watchers.delete(look)
    },
  }).then(() => {
    isOver = true
  })
  return {
    says(fields: Partial<typeof target>) {
      Object.assign(target, fields)
      for (const look of watchers) look()
    },
    async isOverAfter(milliseconds: number): Promise<boolean> {
      await vi.advanceTimersByTimeAsync(milliseconds)
      if (isOver) expect(watchers.size + vi.getTimerCount()).toBe(0)
      return isOver
    },
  }
}

it('is over when the target has told, which may take a while', async () => {
  const { says, isOverAfter } = wait()
  expect(await isOverAfter(10_000)).toBe(false)
  says({ isTold: true })
  expect(await isOverAfter(0)).toBe(true)
})

it('is over after a time in any case', async () => {
  const { isOverAfter } = wait()
  expect(await isOverAfter(14_000)).toBe(false)
  expect(await isOverAfter(1_000)).toBe(true)
})

it('is over soon where the target cannot be reached, and not at once: it may be back', async () => {
  const { says, isOverAfter } = wait()
  says({ isAway: true })
  expect(await isOverAfter(2_000)).toBe(false)
  expect(await isOverAfter(1_000)).toBe(true)
})

it('is over when the target goes away later on', async () => {
  const { says, isOverAfter } = wait()
  expect(await isOverAfter(5_000)).toBe(false)
  says({ isAway: true })
  expect(await isOverAfter(0)).toBe(true)
})
