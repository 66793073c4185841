import type { StoredIdlePolicy } from '#contract'

/** How long before its stop a workspace's people are warned, in milliseconds; half of its time where that is less. */
const WARNING = 5 * 60_000
/** Between two looks, milliseconds. Far more than this means that this machine slept. */
export const LOOK_EVERY = 10_000
const SLEPT = 60_000

export interface Outlook {
  /** Milliseconds since the epoch. */
  readonly stopsAt: number
  readonly warnsAt: number
  readonly isOver: boolean
}

/**
 * When a workspace is to be stopped. Nobody is surprised: whoever begins to look, or whose machine has slept, sees the
 * whole warning first.
 */
export class Countdown {
  #lookedAt: number | undefined
  #notBefore = 0

  /** `last`: when somebody did something last. All in milliseconds since the epoch. */
  look(now: number, last: number, policy: StoredIdlePolicy): Outlook {
    const time = policy.minutes * 60_000
    const warning = Math.min(WARNING, time / 2)
    if (this.#lookedAt === undefined || now - this.#lookedAt > SLEPT) this.#notBefore = now + warning
    this.#lookedAt = now
    const stopsAt = Math.max(last + time, policy.keepUntil ?? 0, this.#notBefore)
    return { stopsAt, warnsAt: stopsAt - warning, isOver: now >= stopsAt }
  }

  /** The workspace, or its policy, is another one. */
  forget(): void {
    this.#lookedAt = undefined
  }
}
