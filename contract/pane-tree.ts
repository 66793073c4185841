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

/** All sessions of a pane, from left to right and from top to bottom. */
export function sessionsOf(pane: Pane): readonly string[] {
  return typeof pane === 'string' ? [pane] : pane.parts.flatMap((part) => sessionsOf(part.pane))
}
