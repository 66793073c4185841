import { describe, expect, it } from 'vitest'
import type { Credential } from '#contract'
import type { Clock } from '../../platform/clock'
import { Questions } from './questions'

/** A clock that stands still until it is moved. */
class StillClock implements Clock {
  #now = 1_000_000
  readonly #sleepers = new Set<{ at: number; wake: () => void }>()
  now = () => this.#now
  sleep = (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const sleeper = { at: this.#now + milliseconds, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason)
      })
    })
  move(milliseconds: number): void {
    this.#now += milliseconds
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.at > this.#now) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
  get sleeping(): number {
    return this.#sleepers.size
  }
}

const asker = { process: 'git', command: 'git fetch' }
const git = (origin = 'https://git.example'): Credential => ({ kind: 'git', origin })
const never = () => new AbortController().signal

function open() {
  const clock = new StillClock()
  const questions = new Questions(clock)
  const ask = (credential = git(), signal = never(), workspaceId = 'wone000001') =>
    questions.ask({ workspaceId, credential, asker }, signal)
  const first = () => questions.records.list()[0]
  /** Answers the question that is put, or the next. */
  const answer = async (verdict: 'once' | 'always' | 'deny') => {
    await expect.poll(first).toBeDefined()
    questions.answer(first()?.id ?? '', verdict)
  }
  return { answer, ask, clock, questions }
}

describe('questions to the user', () => {
  it('are answered one by one where they are alike, and side by side where they are not', async () => {
    const { answer, ask, questions } = open()
    const [one, two, other] = [ask(), ask(), ask(git('https://other.example'))]
    await expect.poll(() => questions.records.list().length).toBe(2)
    await answer('once')
    expect(await one).toEqual({ allowed: true, always: false })
    await expect.poll(() => questions.records.list().length).toBe(2)
    questions.dispose()
    expect(await two).toMatchObject({ allowed: false })
    expect(await other).toMatchObject({ allowed: false })
    expect(questions.records.list()).toEqual([])
  })

  it('that wait behind a lasting answer have it', async () => {
    const { answer, ask } = open()
    const asked = [ask(), ask(), ask()]
    await answer('always')
    expect(await Promise.all(asked)).toEqual(Array(3).fill({ allowed: true, always: true }))
  })

  it('that are denied stay so for a while, for that credential in that workspace', async () => {
    const { answer, ask, clock, questions } = open()
    const asked = [ask(), ask()]
    await answer('deny')
    expect((await Promise.all(asked)).map(({ allowed }) => allowed)).toEqual([false, false])
    expect(await ask()).toMatchObject({ allowed: false })
    const elsewhere = ask(git(), never(), 'wtwo000002')
    await answer('once')
    expect(await elsewhere).toMatchObject({ allowed: true })
    clock.move(20_001)
    const later = ask()
    await answer('once')
    expect(await later).toMatchObject({ allowed: true })
    expect(questions.answer('no-such-question', 'always')).toBe(false)
  })

  it('are denied when nobody answers, and taken back when nobody waits', async () => {
    const { ask, clock, questions } = open()
    const unanswered = ask()
    await expect.poll(() => questions.records.list().length).toBe(1)
    clock.move(120_001)
    expect(await unanswered).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('nobody answered'),
    })
    const gone = new AbortController()
    const left = ask(git(), gone.signal)
    await expect.poll(() => questions.records.list().length).toBe(1)
    gone.abort()
    expect(await left).toMatchObject({ allowed: false })
    expect(questions.records.list()).toEqual([])
    expect(clock.sleeping).toBe(0)
  })

  it('are bounded, those that wait and those of a minute', async () => {
    const { answer, ask, clock, questions } = open()
    const crowd = Array.from({ length: 8 }, (_, index) => ask(git(`https://g${index}.example`)))
    expect(await ask(git('https://more.example'))).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('at once'),
    })
    for (const _ of crowd) await answer('once')
    await Promise.all(crowd)
    for (let count = 8; count < 12; count++) {
      const asked = ask()
      await answer('once')
      await asked
    }
    expect(await ask()).toMatchObject({ allowed: false, reason: expect.stringContaining('minute') })
    const other = ask(git(), never(), 'wtwo000002')
    await answer('once')
    await other
    clock.move(60_001)
    const later = ask()
    await answer('once')
    expect(await later).toMatchObject({ allowed: true })
    expect(questions.records.list()).toEqual([])
  })
})
