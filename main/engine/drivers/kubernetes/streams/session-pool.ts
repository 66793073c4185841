import type { Clock } from '../../../platform/clock'
import type { SpdySession } from '../api'
import { ForwardSession } from './forward-session'

/** Sessions to one pod at most; past that, connections share them. */
export const SESSIONS = 32
/** Sessions kept ready, so that the next connection has one to itself at once. */
const SPARE = 2
/** Connections that share a session while others are still being opened: else all that wait would take the first. */
const CROWD = 4
/** How long a session that carries nothing is kept, in milliseconds. */
const KEEP = 60_000

/**
 * The sessions to one pod. Each is one TCP connection, in which nothing passes what came before it, so that whoever
 * stops reading holds up all that share it, and no connection tells beforehand that it will: each has a session to
 * itself until there are very many. Sessions that are free again, and spare ones, make up for the time that opening one
 * takes.
 */
export class SessionPool {
  readonly #targetName: string
  readonly #clock: Clock
  readonly #sessions = new Set<ForwardSession>()
  readonly #openings = new Set<Promise<void>>()
  readonly #onChange: () => void

  /** `onChange` is called when a session is over. */
  constructor(targetName: string, clock: Clock, onChange: () => void) {
    this.#targetName = targetName
    this.#clock = clock
    this.#onChange = onChange
  }

  /** Whether there is, or will be, no session. */
  get empty(): boolean {
    return this.#sessions.size === 0 && this.#openings.size === 0
  }

  /** Whether there are as many sessions as there may be. */
  get full(): boolean {
    return this.#sessions.size + this.#openings.size >= SESSIONS
  }

  /** Whether one more session should be opened for those who come next. */
  get wantsSpare(): boolean {
    if (this.full) return false
    const idle = [...this.#sessions].filter((session) => session.usable && session.load === 0)
    return idle.length + this.#openings.size < SPARE
  }

  /** Reserves room in the session that disturbs, and is disturbed, least; undefined where a new one is better. */
  reserve(): ForwardSession | undefined {
    return this.#best()?.reserve()
  }

  #best(): ForwardSession | undefined {
    const usable = [...this.#sessions].filter((session) => session.usable)
    const free = usable.find((session) => session.load === 0)
    if (free || !this.full) return free
    usable.sort((a, b) => a.load - b.load)
    const best = usable.find((session) => !session.busy) ?? usable[0]
    return best && best.load >= CROWD && this.#openings.size > 0 ? undefined : best
  }

  /** Counts what is being opened. */
  opening<T>(work: Promise<T>): Promise<T> {
    const over: Promise<void> = work.then(
      () => undefined,
      () => undefined,
    )
    this.#openings.add(over)
    void over.then(() => this.#openings.delete(over))
    return work
  }

  /** Resolves when one of those that are being opened is open, or has failed; undefined where there is none. */
  get nextOpened(): Promise<void> | undefined {
    return this.#openings.size > 0 ? Promise.race(this.#openings) : undefined
  }

  add(session: SpdySession): ForwardSession {
    const over = () => {
      this.#sessions.delete(added)
      this.#onChange()
    }
    const added = new ForwardSession(session, this.#targetName, over, this.#clock.now())
    this.#sessions.add(added)
    return added
  }

  /** Ends sessions that carried nothing for a while. */
  sweep(): void {
    const now = this.#clock.now()
    for (const session of this.#sessions) {
      if (session.load === 0 && now - session.unusedSince >= KEEP) session.retire()
    }
  }

  /** None of these sessions takes new connections. */
  retireAll(): void {
    for (const session of this.#sessions) session.retire()
  }

  destroyAll(): void {
    for (const session of this.#sessions) session.destroy()
  }
}
