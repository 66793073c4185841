import { z } from 'zod'

/** Terminals that one tab holds at most: each still wants room enough to be read. */
export const MOST_PANES = 12

/** A session's id, or several panes that share its place. */
export type Pane = string | Split

/** Panes side by side (`row`, from left to right) or one above the other (`column`, from top to bottom). */
export interface Split {
  readonly direction: 'row' | 'column'
  /** Two or more; the shares of all together are about 1. */
  readonly parts: readonly PanePart[]
}

export interface PanePart {
  /** Of the length of its split, above 0 and below 1. */
  readonly share: number
  readonly pane: Pane
}

export const SessionId = z.string().min(1).max(64)

/** All sessions of a pane, from left to right and from top to bottom. */
export function sessionsOf(pane: Pane): readonly string[] {
  return typeof pane === 'string' ? [pane] : pane.parts.flatMap((part) => sessionsOf(part.pane))
}

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
export const Split = ofDepth(MOST_PANES - 1).refine((split) => {
  const sessions = sessionsOf(split)
  return sessions.length <= MOST_PANES && new Set(sessions).size === sessions.length
}, `A tab has at most ${MOST_PANES} terminals, and each once.`)
