import { z } from 'zod'
import { MOST_PANES, type Pane, type Split, sessionsOf } from './pane-tree'

export const SessionId = z.string().min(1).max(64)

const splitOf = (pane: z.ZodType<Pane>): z.ZodType<Split> =>
  z.strictObject({
    direction: z.enum(['row', 'column']),
    parts: z
      .array(z.strictObject({ share: z.number().gt(0).lt(1), pane }))
      .min(2)
      .max(MOST_PANES),
  })

/** Each level has one pane more than the one within it: no split of so many is deeper. */
function ofDepth(levels: number): z.ZodType<Split> {
  const within = levels === 1 ? SessionId : z.union([SessionId, ofDepth(levels - 1)])
  return splitOf(within)
}

/** What one tab holds where that is more than one terminal. No session is in it twice. */
export const SplitTab = ofDepth(MOST_PANES - 1).refine((split) => {
  const sessions = sessionsOf(split)
  return sessions.length <= MOST_PANES && new Set(sessions).size === sessions.length
}, `A tab has at most ${MOST_PANES} terminals, and each once.`)
