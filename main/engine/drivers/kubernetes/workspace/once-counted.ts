import type { Clock } from '../../../platform/clock'
import { isCountedFull } from '../diagnose/quota'
import { rejectionOf } from '../transport/errors'
import { COUNTING } from './progress'

/** Milliseconds between two attempts. */
const PAUSE = 250

/**
 * What `attempt` gives, which makes something that a quota counts: attempted again for a while where the quota refuses
 * it for what may be gone already, as its controller has not counted that yet. Aborted between two attempts only.
 */
export async function onceCounted<T>(
  clock: Clock,
  attempt: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const deadline = clock.now() + COUNTING
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const rejection = rejectionOf(error)
      if (!rejection || !isCountedFull(rejection.reason) || clock.now() >= deadline) throw error
    }
    await clock.sleep(PAUSE, signal)
  }
}
