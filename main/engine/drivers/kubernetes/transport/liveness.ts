import type { Clock } from '../../../platform/clock'

/** Milliseconds between pings. They also keep load balancers from cutting an idle connection, often after 60 s. */
export const PING_EVERY = 10_000
/** Milliseconds without a sign of life after which a connection is dead. */
export const DEAD_AFTER = 20_000
/** Milliseconds of silence after which pings come with each look, and a connection that may be stuck is looked into. */
const SUSPICIOUS_AFTER = 10_000
const PROBE_AFTER = 14_000
const LOOK_EVERY = 2_000

/** A connection as its watch sees it. */
export interface Link {
  /** Bytes that came, ever. */
  readonly received: number
  /** Bytes that the operating system took, ever. */
  readonly handedOver: number
  /** Bytes that wait for the operating system to take them. */
  readonly waiting: number
  /** This side does not read at the moment, so nothing can be received. */
  readonly paused: boolean
  /**
   * The other side may be there and yet not answer, because whoever it passes data on to does not take any: then it
   * does not come to the ping behind that data.
   */
  readonly mayBeStuck: boolean
  ping(): void
}

/** Bytes that a terminal takes without anybody reading them: fewer leave nobody stuck. */
const UNREAD_OF_TERMINAL = 4096
/** Answered pings for which sent bytes may still lie unread: about a minute. */
const REMEMBERED = 6

/** What of the data sent lies before a ping that was answered. The rest, if it is much, may have got the peer stuck. */
export class Deliveries {
  /** Bytes of data sent, ever. */
  sent = 0
  readonly #confirmed: number[] = []

  /** The answer to a ping came that was sent behind `upTo` bytes. */
  confirm(upTo: number): void {
    if (upTo < (this.#confirmed.at(-1) ?? 0) || upTo > this.sent) return
    this.#confirmed.push(upTo)
    if (this.#confirmed.length > REMEMBERED) this.#confirmed.shift()
  }

  get mayBeStuck(): boolean {
    const last = this.#confirmed.at(-1) ?? 0
    const first = this.#confirmed.length < REMEMBERED ? 0 : (this.#confirmed[0] ?? 0)
    return last < this.sent && this.sent - first > UNREAD_OF_TERMINAL
  }
}

export interface LivenessOptions {
  readonly clock: Clock
  /** Whether the server answers on a connection of its own. Never rejects; takes 5 s at most. */
  readonly reachable: () => Promise<boolean>
  /** Called at most once. */
  readonly onDead: (reason: string) => void
}

/**
 * Watches a connection until the signal. Signs of life are bytes that came, and bytes that the operating system took
 * after they had had to wait: those that go at once say nothing, for the first hundreds of kilobytes vanish without
 * complaint into a link that is gone. A link that is stuck is dead only if the server does not answer elsewhere.
 * Time in which nothing ran here, because the machine slept, is nobody's silence.
 */
export async function watchLiveness(
  link: Link,
  options: LivenessOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = options
  let lookedAt = clock.now()
  let aliveAt = lookedAt
  let pingedAt = lookedAt
  let probedAt = lookedAt
  let { received, handedOver, waiting } = link
  while (!signal.aborted) {
    try {
      await clock.sleep(LOOK_EVERY, signal)
    } catch {
      return
    }
    const now = clock.now()
    aliveAt += Math.max(0, now - lookedAt - 2 * LOOK_EVERY)
    lookedAt = now
    const drained = waiting > 0 && link.handedOver > handedOver
    if (link.received > received || drained || link.paused) aliveAt = now
    received = link.received
    handedOver = link.handedOver
    waiting = link.waiting
    const silence = now - aliveAt
    if (silence >= DEAD_AFTER && !link.mayBeStuck) {
      return options.onDead(`no sign of life for ${Math.round(silence / 1000)} s`)
    }
    if (silence >= PROBE_AFTER && link.mayBeStuck && now - probedAt >= PROBE_AFTER) {
      probedAt = now
      const answers = await options.reachable()
      if (signal.aborted) return
      if (!answers && link.received === received) {
        return options.onDead('no sign of life, and the server does not answer on another connection either')
      }
    }
    if (now - pingedAt >= PING_EVERY || silence >= SUSPICIOUS_AFTER) {
      pingedAt = now
      link.ping()
    }
  }
}
