import { describe, expect, it } from 'vitest'
import { Countdown } from './countdown'

const minute = 60_000
const policy = { minutes: 30, whileClosed: false }

/** Looks every ten seconds from `from` to `to`, and gives the last. */
function watch(countdown: Countdown, from: number, to: number, last: number, own = policy) {
  let outlook = countdown.look(from, last, own)
  for (let now = from; now <= to; now += 10_000) outlook = countdown.look(now, last, own)
  return outlook
}

describe('a countdown', () => {
  it('warns five minutes before the time is over, and is over then', () => {
    const countdown = new Countdown()
    expect(countdown.look(0, 0, policy)).toEqual({
      stopsAt: 30 * minute,
      warnsAt: 25 * minute,
      isOver: false,
    })
    expect(watch(countdown, 0, 30 * minute - 10_000, 0).isOver).toBe(false)
    expect(watch(countdown, 30 * minute, 30 * minute, 0).isOver).toBe(true)
  })

  it('begins anew with whatever is done', () => {
    const countdown = new Countdown()
    watch(countdown, 0, 29 * minute, 0)
    expect(countdown.look(29 * minute + 10_000, 29 * minute, policy).stopsAt).toBe(59 * minute)
  })

  it('takes half of a short time for the warning', () => {
    expect(new Countdown().look(0, 0, { minutes: 2, whileClosed: false }).warnsAt).toBe(minute)
  })

  it('gives whoever begins to look the whole warning, however long nothing was done', () => {
    const now = 1_000 * minute
    const outlook = new Countdown().look(now, 0, policy)
    expect(outlook).toEqual({ stopsAt: now + 5 * minute, warnsAt: now, isOver: false })
  })

  it('does the same after this machine slept', () => {
    const countdown = new Countdown()
    watch(countdown, 0, 10 * minute, 0)
    const morning = 600 * minute
    expect(countdown.look(morning, 0, policy)).toMatchObject({ stopsAt: morning + 5 * minute, isOver: false })
    expect(watch(countdown, morning, morning + 5 * minute, 0).isOver).toBe(true)
  })

  it('is not over while the workspace is kept', () => {
    const countdown = new Countdown()
    const kept = { ...policy, keepUntil: 120 * minute }
    expect(watch(countdown, 0, 119 * minute, 0, kept)).toMatchObject({
      stopsAt: 120 * minute,
      warnsAt: 115 * minute,
      isOver: false,
    })
  })
})
