import type { Clock } from '../../../platform/clock'

/** Milliseconds between attempts. */
const FIRST = 150
/** The longest pause while the failure is fresh: a server that restarts is back within a minute. */
const FRESH = { most: 1_000, for: 60_000 }
const MOST = 15_000

/** Pauses that grow from failure to failure, each of a length of its own, so that clients do not come all at once. */
export class Backoff {
  readonly #clock: Clock
  readonly #random: () => number
  #failures = 0
  #since = 0

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock
    this.#random = random
  }

  /** Since the last success. */
  get failures(): number {
    return this.#failures
  }

  reset(): void {
    this.#failures = 0
  }

  /** A failure after which there is no pause. */
  note(): void {
    if (this.#failures === 0) this.#since = this.#clock.now()
    this.#failures++
  }

  /** Rejects when `signal` aborts. */
  pause(signal: AbortSignal): Promise<void> {
    this.note()
    const most = this.#clock.now() - this.#since < FRESH.for ? FRESH.most : MOST
    const length = Math.min(FIRST * 2 ** Math.min(this.#failures - 1, 20), most)
    return this.#clock.sleep(length * (0.5 + this.#random() / 2), signal)
  }
}
