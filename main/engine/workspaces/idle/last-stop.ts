import type { LastStop } from '#contract'
import type { ObservedWorkspace } from '../../drivers/driver'

/** How far two clocks, and a stop and the word of it, may be apart, in milliseconds. */
const APART = 5 * 60_000

/** Whether that is why the workspace is stopped, and not an earlier time's word, where its target can tell. */
export function isOfThatStop({ at }: LastStop, { stoppedAt }: ObservedWorkspace): boolean {
  return stoppedAt === undefined || Math.abs(at - stoppedAt) < APART
}
