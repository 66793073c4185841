import { type Pane, type PanePart, type Split, sessionsOf } from '#contract/pane-tree'

/** Where a pane is of another. */
export type Side = 'left' | 'right' | 'up' | 'down'

type Direction = Split['direction']

const directionOf = (side: Side): Direction => (side === 'left' || side === 'right' ? 'row' : 'column')
const isAhead = (side: Side) => side === 'left' || side === 'up'

/** Shares differ by less where they are meant to be the same. */
const EVEN = 0.001

/** A split that says everything once: shares that make 1, no split of its own direction in it, and no split of one. */
function joined(direction: Direction, parts: readonly PanePart[]): Pane {
  const flat = parts.flatMap((part) =>
    typeof part.pane !== 'string' && part.pane.direction === direction
      ? part.pane.parts.map(({ pane, share }) => ({ pane, share: share * part.share }))
      : [part],
  )
  const [only] = flat
  if (only && flat.length === 1) return only.pane
  const whole = flat.reduce((sum, { share }) => sum + share, 0)
  return { direction, parts: flat.map(({ pane, share }) => ({ pane, share: share / whole })) }
}

/** The pane without the sessions that are not to be kept, whose room goes to those beside them; undefined without any. */
export function keepIn(pane: Pane, isKept: (session: string) => boolean): Pane | undefined {
  if (typeof pane === 'string') return isKept(pane) ? pane : undefined
  const parts = pane.parts.flatMap((part) => {
    const kept = keepIn(part.pane, isKept)
    return kept === undefined ? [] : [{ share: part.share, pane: kept }]
  })
  return parts.length === 0 ? undefined : joined(pane.direction, parts)
}

/**
 * Puts a session on one side of another. It takes half of that one's room; where all in a row have as much as each
 * other, all have so afterwards.
 */
export function splitPane(pane: Pane, beside: string, added: string, side: Side): Pane {
  const direction = directionOf(side)
  const place = (part: PanePart, fresh: PanePart) => (isAhead(side) ? [fresh, part] : [part, fresh])
  if (typeof pane === 'string') {
    if (pane !== beside) return pane
    return joined(direction, place({ share: 0.5, pane }, { share: 0.5, pane: added }))
  }
  const { parts } = pane
  if (pane.direction !== direction || !parts.some((part) => part.pane === beside)) {
    const within = parts.map((part) => ({ ...part, pane: splitPane(part.pane, beside, added, side) }))
    return joined(pane.direction, within)
  }
  const wasEven = isEven(parts)
  const widened = parts.flatMap((part) => {
    if (part.pane !== beside) return [part]
    const share = part.share / 2
    return place({ share, pane: part.pane }, { share, pane: added })
  })
  return joined(direction, wasEven ? evenly(widened) : widened)
}

const isEven = (parts: readonly PanePart[]) =>
  parts.every(({ share }) => Math.abs(share - 1 / parts.length) < EVEN)
const evenly = (parts: readonly PanePart[]) => parts.map(({ pane }) => ({ pane, share: 1 / parts.length }))

/** Between a part of a split and the next one. */
export interface DividerPlace {
  /** The split: which part of the outermost, which part of that, and so on. */
  readonly path: readonly number[]
  /** The part ahead of it. */
  readonly index: number
}

function changeAt(pane: Pane, path: readonly number[], change: (split: Split) => Pane): Pane {
  if (typeof pane === 'string') return pane
  const [first, ...rest] = path
  if (first === undefined) return change(pane)
  return {
    ...pane,
    parts: pane.parts.map((part, index) =>
      index === first ? { ...part, pane: changeAt(part.pane, rest, change) } : part,
    ),
  }
}

/** Gives the part ahead of a divider this much of what the two beside it have together, from 0 to 1. */
export function moveDivider(pane: Pane, { path, index }: DividerPlace, portion: number): Pane {
  return changeAt(pane, path, (split) => {
    const [ahead, behind] = [split.parts[index], split.parts[index + 1]]
    if (!ahead || !behind) return split
    const both = ahead.share + behind.share
    const parts = [...split.parts]
    parts[index] = { ...ahead, share: both * portion }
    parts[index + 1] = { ...behind, share: both * (1 - portion) }
    return { ...split, parts }
  })
}

/** Gives all parts of a divider's split the same room. */
export function evenOut(pane: Pane, { path }: Pick<DividerPlace, 'path'>): Pane {
  return changeAt(pane, path, (split) => ({ ...split, parts: evenly(split.parts) }))
}

/** Gives all parts of all splits the same room. */
export function evenOutAll(pane: Pane): Pane {
  if (typeof pane === 'string') return pane
  const parts = pane.parts.map((part) => ({ ...part, pane: evenOutAll(part.pane) }))
  return { ...pane, parts: evenly(parts) }
}

/** How far one press of a key moves a divider, and what it leaves to each side, of what both have. */
const NUDGE = 0.04
const LEAST = 0.1

/** Moves the divider of a session's pane a little to one side. */
export function nudge(pane: Pane, session: string, side: Side): Pane {
  const place = dividerOf(pane, session, side)
  const divider = layOut(pane).dividers.find(
    ({ path, index }) => index === place?.index && path.join() === place.path.join(),
  )
  if (!divider) return pane
  const portion = divider.portion + (isAhead(side) ? -NUDGE : NUDGE)
  return moveDivider(pane, divider, Math.min(Math.max(portion, LEAST), 1 - LEAST))
}

/** The divider that makes a pane larger or smaller: the one behind it, or, of the last, the one ahead of it. */
export function dividerOf(pane: Pane, session: string, side: Side): DividerPlace | undefined {
  if (typeof pane === 'string') return undefined
  const at = pane.parts.findIndex((part) => sessionsOf(part.pane).includes(session))
  const part = pane.parts[at]
  if (!part) return undefined
  const within = dividerOf(part.pane, session, side)
  if (within) return { ...within, path: [at, ...within.path] }
  if (pane.direction !== directionOf(side)) return undefined
  return { path: [], index: Math.min(at, pane.parts.length - 2) }
}

/** A place in the whole, from 0 to 1 each way. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

export interface PlacedDivider extends DividerPlace, Box {
  /** Of its split. */
  readonly direction: Direction
  /** What the two beside it have of the whole, and the one ahead of that. */
  readonly both: number
  readonly portion: number
  /** Sessions on its two sides. */
  readonly ahead: readonly string[]
  readonly behind: readonly string[]
}

export interface Layout {
  /** In the order in which they are read. */
  readonly panes: readonly (Box & { readonly session: string })[]
  readonly dividers: readonly PlacedDivider[]
}

const WHOLE: Box = { left: 0, top: 0, width: 1, height: 1 }

/** Where everything of a pane is. Dividers have no width of their own. */
export function layOut(pane: Pane, box: Box = WHOLE, path: readonly number[] = []): Layout {
  if (typeof pane === 'string') return { panes: [{ ...box, session: pane }], dividers: [] }
  const isRow = pane.direction === 'row'
  const panes: Layout['panes'][number][] = []
  const dividers: PlacedDivider[] = []
  let passed = 0
  for (const [index, part] of pane.parts.entries()) {
    const start = passed
    passed += part.share
    const length = part.share
    const within = layOut(
      part.pane,
      isRow
        ? { ...box, left: box.left + box.width * start, width: box.width * length }
        : { ...box, top: box.top + box.height * start, height: box.height * length },
      [...path, index],
    )
    panes.push(...within.panes)
    const next = pane.parts[index + 1]
    if (next) {
      const both = part.share + next.share
      dividers.push({
        ...(isRow
          ? { ...box, left: box.left + box.width * passed, width: 0 }
          : { ...box, top: box.top + box.height * passed, height: 0 }),
        ...{ path, index, direction: pane.direction, portion: part.share / both },
        both: both * (isRow ? box.width : box.height),
        ahead: sessionsOf(part.pane),
        behind: sessionsOf(next.pane),
      })
    }
    dividers.push(...within.dividers)
  }
  return { panes, dividers }
}

/** The pane next to another on one side: the nearest, and of those the one that is beside most of it. */
export function neighbour({ panes }: Layout, session: string, side: Side): string | undefined {
  const from = panes.find((pane) => pane.session === session)
  if (!from) return undefined
  const [start, length, across, width] =
    directionOf(side) === 'row'
      ? (['left', 'width', 'top', 'height'] as const)
      : (['top', 'height', 'left', 'width'] as const)
  const distance = (pane: Box) =>
    isAhead(side) ? from[start] - (pane[start] + pane[length]) : pane[start] - (from[start] + from[length])
  const shared = (pane: Box) =>
    Math.min(pane[across] + pane[width], from[across] + from[width]) - Math.max(pane[across], from[across])
  const [nearest] = panes
    .filter((pane) => pane !== from && distance(pane) > -EVEN && shared(pane) > EVEN)
    .sort((one, two) => {
      const further = distance(one) - distance(two)
      return Math.abs(further) > EVEN ? further : shared(two) - shared(one)
    })
  return nearest?.session
}
