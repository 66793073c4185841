import type { Clock } from '../../../platform/clock'
import type { PortVerdict } from './port-connection'

/** Ports on which nothing listens in any container that anyone has seen: the first is asked unless it answers. */
export const CLOSED_PORTS = [1, 3, 5] as const
/** How many questions may be under way at a time; the next one serves all who came meanwhile. */
const AT_ONCE = 4
/** How long a question may take, in milliseconds: who asked then takes the connection for open, as kubectl does at once. */
export const PATIENCE = 5_000
/** Refusals of so many milliseconds ago tell how long a node may take for one now: as many as `RECENT.count`. */
const RECENT = { within: 5_000, count: 16 }
/** How long a port counts as open after it was last seen to be, in milliseconds. */
const FRESH = 1_000

/** A connection to a closed port. */
export interface ClosedPortQuestion {
  /** When it was begun, by the clock. */
  readonly begunAt: number
  readonly verdict: Promise<PortVerdict>
  dispose(): void
}

/**
 * Tells when a connection that nobody has refused is open, where the pod has no program to tell what listens in it
 * (see {@link ListeningLook}) or cannot say. A node says of a connection that it failed, and never that
 * it succeeded: until the pod's first byte comes, open and not yet refused look the same, and protocols in which the
 * client speaks first would wait for ever for that byte. So the same is asked of a port that is closed, a moment
 * later: when that was refused, and as much time again has passed as the slowest of the latest refusals took, the first
 * would have been refused too. That is two round trips, as kubectl takes to open a connection, and no guess at how fast
 * the node is. Ports that were open a moment ago need no question.
 */
export class OpenCheck {
  readonly #clock: Clock
  readonly #seenOpen = new Map<number, number>()
  readonly #waiting = new Map<number, Set<() => void>>()
  readonly #refusals: { readonly at: number; readonly took: number }[] = []
  #closedPort = 0
  #running = 0
  #queued: Promise<void> | undefined
  #startQueued: ((ask: Promise<void>) => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The port that is asked. */
  get closedPort(): number {
    return CLOSED_PORTS[this.#closedPort % CLOSED_PORTS.length] ?? CLOSED_PORTS[0]
  }

  seenOpen(port: number): void {
    this.#seenOpen.set(port, this.#clock.now())
    for (const resolve of this.#waiting.get(port) ?? []) resolve()
    this.#waiting.delete(port)
  }

  /** Resolves when the port is seen to be open; until then it is to be given up by `signal`, which never rejects it. */
  whenSeenOpen(port: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(port) ?? new Set()
      this.#waiting.set(port, waiting.add(resolve))
      signal.addEventListener('abort', () => {
        waiting.delete(resolve)
        if (waiting.size === 0 && this.#waiting.get(port) === waiting) this.#waiting.delete(port)
      })
    })
  }

  seenClosed(port: number): void {
    this.#seenOpen.delete(port)
  }

  /** A connection that was begun then was refused now. */
  refused(begunAt: number): void {
    const at = this.#clock.now()
    this.#refusals.push({ at, took: at - begunAt })
    if (this.#refusals.length > RECENT.count) this.#refusals.shift()
  }

  #slowest(): number {
    const since = this.#clock.now() - RECENT.within
    return Math.max(0, ...this.#refusals.filter(({ at }) => at >= since).map(({ took }) => took))
  }

  isFresh(port: number): boolean {
    const at = this.#seenOpen.get(port)
    return at !== undefined && this.#clock.now() - at < FRESH
  }

  /** Resolves when connections that were begun before this call, and not refused, are open. Never rejects. */
  async passed(ask: (port: number) => Promise<ClosedPortQuestion>, signal: AbortSignal): Promise<void> {
    if (this.#running < AT_ONCE) return this.#start(ask, signal)
    this.#queued ??= new Promise((resolve) => {
      this.#startQueued = resolve
    })
    return this.#queued
  }

  async #start(ask: (port: number) => Promise<ClosedPortQuestion>, signal: AbortSignal): Promise<void> {
    this.#running++
    try {
      await this.#question(ask, signal)
    } finally {
      this.#running--
      const next = this.#startQueued
      this.#queued = undefined
      this.#startQueued = undefined
      next?.(this.#start(ask, signal))
    }
  }

  /** Waits as long as the slowest refusal took, those included that come meanwhile: in a crowd all take longer. */
  async #waitAsLong(): Promise<void> {
    const from = this.#clock.now()
    for (;;) {
      const left = from + this.#slowest() - this.#clock.now()
      if (left <= 0) return
      await this.#clock.sleep(left)
    }
  }

  async #question(ask: (port: number) => Promise<ClosedPortQuestion>, signal: AbortSignal): Promise<void> {
    const limit = new AbortController()
    const patience = this.#clock.sleep(PATIENCE, limit.signal).catch(() => undefined)
    let question: ClosedPortQuestion | undefined
    const work = async () => {
      for (let tried = 0; tried < CLOSED_PORTS.length && !signal.aborted; tried++) {
        question = await ask(this.closedPort)
        const verdict = await question.verdict
        question.dispose()
        if (!verdict.open && verdict.complaint !== '') {
          this.refused(question.begunAt)
          await this.#waitAsLong()
          return
        }
        // Something listens there.
        this.#closedPort++
      }
    }
    // A question that failed says nothing; neither does it about the connection, whose own failure is told by itself.
    await Promise.race([work().catch(() => undefined), patience])
    limit.abort()
    question?.dispose()
  }
}
