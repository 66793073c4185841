import { expect, it } from 'vitest'
import { ApiError } from '../transport/errors'
import { ManualClock } from '../watch/fake-server'
import { onceCounted } from './once-counted'

const never = new AbortController().signal
const refusal = (used: string, limited: string) =>
  new ApiError(
    403,
    `pods "look" is forbidden: exceeded quota: q, requested: pods=1, used: pods=${used}, limited: pods=${limited}`,
  )

/** An attempt that fails so often, and how often it was made. */
function refusedTimes(count: number, error: Error) {
  const made = { tries: 0 }
  const attempt = async () => {
    made.tries++
    if (made.tries <= count) throw error
    return 'made'
  }
  return { made, attempt }
}

it('a quota that is full of what is gone gets the time to count', async () => {
  const clock = new ManualClock()
  const { attempt, made } = refusedTimes(3, refusal('1', '1'))
  const outcome = onceCounted(clock, attempt, never)
  await clock.advance(1_000)
  expect(await outcome).toBe('made')
  expect(made.tries).toBe(4)
})

it('one that stays full refuses in the end, and one without any room at once', async () => {
  const clock = new ManualClock()
  const full = refusal('1', '1')
  let refused: unknown
  void onceCounted(clock, refusedTimes(1_000, full).attempt, never).catch((error: unknown) => {
    refused = error
  })
  await clock.advance(9_000)
  expect(refused).toBeUndefined()
  await clock.advance(2_000)
  expect(refused).toBe(full)
  const none = refusedTimes(1_000, refusal('0', '0'))
  await expect(onceCounted(clock, none.attempt, never)).rejects.toThrow('exceeded quota')
  expect(none.made.tries).toBe(1)
})

it('what goes wrong otherwise is told at once, and nobody waits who has given up', async () => {
  const clock = new ManualClock()
  const broken = refusedTimes(1, new Error('no such thing'))
  await expect(onceCounted(clock, broken.attempt, never)).rejects.toThrow('no such thing')
  const controller = new AbortController()
  const waiting = onceCounted(clock, refusedTimes(1_000, refusal('1', '1')).attempt, controller.signal)
  await clock.advance(1_000)
  controller.abort(new Error('given up'))
  await expect(waiting).rejects.toThrow('given up')
})
