import { randomUUID } from 'node:crypto'
import type { Consent, Credential } from '#contract'
import type { Asker } from '../../link/link'
import type { Clock } from '../../platform/clock'
import { Collection, type ReadonlyCollection } from '../../platform/collection'

/** How long the user has to answer, in milliseconds. */
const ANSWER_LIMIT = 120_000
/** For so long after a no the same is denied without a question, in milliseconds: a program that tries again is no reason to ask again. */
const DENIED_FOR = 20_000
/** Questions of one workspace that wait at a time, and that are put in a minute. */
const WAITING_MOST = 8
const MINUTE = 60_000
const MINUTE_MOST = 12

export type Answer = 'once' | 'always' | 'deny'

export type Verdict =
  | { readonly allowed: true; readonly always: boolean }
  | {
      readonly allowed: false
      /** For who waits in the workspace: the end of a sentence that begins with what was not given. */
      readonly reason: string
    }

interface Asked {
  readonly workspaceId: string
  readonly credential: Credential
  readonly username?: string
  readonly asker: Asker
}

const denied = (reason: string): Verdict => ({ allowed: false, reason })

/** Questions to the user, each until it is answered, given up, or too old. */
export class Questions {
  readonly #clock: Clock
  readonly #records = new Collection<Consent>()
  readonly #answers = new Map<string, (answer: Answer | undefined) => void>()
  /** The last question of each kind: the next of that kind waits for its end. */
  readonly #turns = new Map<string, Promise<Verdict>>()
  readonly #denials = new Map<string, number>()
  readonly #waiting = new Map<string, number>()
  readonly #times = new Map<string, number[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get records(): ReadonlyCollection<Consent> {
    return this.#records
  }

  /** Never rejects. One who has gone, by the signal, is denied. */
  async ask(asked: Asked, signal: AbortSignal): Promise<Verdict> {
    const { workspaceId } = asked
    const waiting = this.#waiting.get(workspaceId) ?? 0
    if (waiting >= WAITING_MOST) return denied('too much is asked for at once')
    this.#waiting.set(workspaceId, waiting + 1)
    const key = JSON.stringify([workspaceId, asked.credential])
    const before = this.#turns.get(key)
    const turn = this.#askInTurn(key, asked, before, signal)
    this.#turns.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key)
      const left = (this.#waiting.get(workspaceId) ?? 1) - 1
      if (left > 0) this.#waiting.set(workspaceId, left)
      else this.#waiting.delete(workspaceId)
    }
  }

  /** False where there is no such question any more. */
  answer(id: string, answer: Answer): boolean {
    const settle = this.#answers.get(id)
    settle?.(answer)
    return settle !== undefined
  }

  dispose(): void {
    for (const settle of this.#answers.values()) settle('deny')
  }

  async #askInTurn(
    key: string,
    asked: Asked,
    before: Promise<Verdict> | undefined,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const earlier = await before
    if (signal.aborted) return denied('nobody waits for it any more')
    if (earlier?.allowed && earlier.always) return earlier
    const now = this.#clock.now()
    if (now - (this.#denials.get(key) ?? Number.NEGATIVE_INFINITY) < DENIED_FOR)
      return denied('that was denied on your computer')
    if (!this.#admit(asked.workspaceId, now)) return denied('too much was asked for within a minute')
    const answer = await this.#put(asked, now, signal)
    if (answer === undefined)
      return denied(
        signal.aborted ? 'nobody waits for it any more' : 'nobody answered the question on your computer',
      )
    if (answer !== 'deny') return { allowed: true, always: answer === 'always' }
    this.#denials.set(key, this.#clock.now())
    return denied('that was denied on your computer')
  }

  #admit(workspaceId: string, now: number): boolean {
    const recent = (this.#times.get(workspaceId) ?? []).filter((time) => now - time < MINUTE)
    if (recent.length < MINUTE_MOST) recent.push(now)
    else return false
    this.#times.set(workspaceId, recent)
    return true
  }

  /** Undefined where nobody answered in time, or nobody waits any more. */
  #put(asked: Asked, now: number, signal: AbortSignal): Promise<Answer | undefined> {
    const id = randomUUID()
    const over = new AbortController()
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined) => {
        over.abort()
        signal.removeEventListener('abort', giveUp)
        this.#answers.delete(id)
        this.#records.delete(id)
        resolve(answer)
      }
      const giveUp = () => settle(undefined)
      signal.addEventListener('abort', giveUp, { once: true })
      this.#answers.set(id, settle)
      this.#clock.sleep(ANSWER_LIMIT, over.signal).then(giveUp, () => undefined)
      const { asker, credential, username, workspaceId } = asked
      this.#records.set({
        id,
        workspaceId,
        credential,
        ...(username !== undefined && { username }),
        process: asker.process,
        command: asker.command,
        askedAt: now,
        expiresAt: now + ANSWER_LIMIT,
      })
    })
  }
}
