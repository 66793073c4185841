import { type Range, useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react'

/** Rows beyond each edge of what is seen that are drawn as well. */
const BEYOND = 12
/** Rows that are drawn more with each frame until all are: many at once would hold the window up. */
const ROWS_PER_FRAME = 6
/** What is seen of a list before it has been measured, pixels. */
const FIRST_HEIGHT = 800
/** Frames in which a row that was scrolled to has to be there. */
const FRAMES = 10

/** A long list of which only what is seen is drawn, and a little more: thousands of rows would hold the window up. */
export interface Windowed {
  /** Which rows to draw, in order and without gaps. */
  readonly indexes: readonly number[]
  /** Height of the rows that are not drawn, pixels. */
  readonly before: number
  readonly after: number
  /** For the list: arrow keys walk through the rows' first buttons, Home and End go to the ends. */
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>) => void
  /** Gives the keyboard to a row's first button; the row comes into view. */
  readonly focus: (index: number) => void
}

/**
 * For the rows of `list`, which scrolls or is in what scrolls (`data-scrolls` says which it is); each row has its index
 * as `data-index`.
 * @param rowHeight of every row, pixels
 */
export function useWindowed(list: RefObject<HTMLElement | null>, total: number, rowHeight: number): Windowed {
  const seen = useRef<Seen>(undefined)
  const [rows, setRows] = useState(0)
  const virtualizer = useVirtualizer<HTMLElement, HTMLElement>({
    count: total,
    // Measuring in the frame that draws what is around the list would make the page be laid out twice in it.
    getScrollElement: () =>
      rows === 0 ? null : (list.current?.closest<HTMLElement>('[data-scrolls]') ?? null),
    estimateSize: () => rowHeight,
    overscan: rows,
    rangeExtractor: (range) => drawn(range, isElsewhere(range, seen.current) ? lengthOf(range) : rows),
    initialRect: { width: 0, height: FIRST_HEIGHT },
  })
  const items = virtualizer.getVirtualItems()
  const { range } = virtualizer
  const enough = range ? lengthOf(range) + 2 * BEYOND : 0
  useEffect(() => {
    if (rows >= enough) return
    const frame = requestAnimationFrame(() => setRows(rows + ROWS_PER_FRAME))
    return () => cancelAnimationFrame(frame)
  }, [rows, enough])
  useEffect(() => {
    if (range && isElsewhere(range, seen.current)) setRows(lengthOf(range))
    seen.current = range ?? undefined
  })
  const focus = (index: number, frames = FRAMES) => {
    const row = list.current?.querySelector<HTMLElement>(`[data-index="${index}"] button`)
    if (row) return row.focus()
    virtualizer.scrollToIndex(index)
    if (frames > 0) requestAnimationFrame(() => focus(index, frames - 1))
  }
  return {
    indexes: items.map(({ index }) => index),
    before: items[0]?.start ?? 0,
    after: virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0),
    focus: (index) => focus(index),
    onKeyDown: (event) => {
      const row = (event.target as HTMLElement).closest<HTMLElement>('[data-index]')
      const button = row?.querySelector('button')
      if (!row || event.target !== button) return
      const next = destination(event.key, Number(row.dataset.index), total)
      if (next === undefined) return
      event.preventDefault()
      focus(next)
    },
  }
}

/** Rows in view. */
export type Seen = Pick<Range, 'startIndex' | 'endIndex'>

/** Whether nothing of it was in view before: the scroll bar was dragged, or a key has led to an end. */
export function isElsewhere(range: Seen, before: Seen | undefined): boolean {
  return before !== undefined && (range.startIndex > before.endIndex || range.endIndex < before.startIndex)
}

const lengthOf = ({ startIndex, endIndex }: Seen) => endIndex - startIndex + 1

/** Indexes of `rows` rows at most: of what is seen from its beginning on, and then as many beyond either edge. */
export function drawn(
  { startIndex, endIndex, count }: Seen & { readonly count: number },
  rows: number,
): number[] {
  const spare = Math.max(0, Math.floor((rows - lengthOf({ startIndex, endIndex })) / 2))
  const beyond = Math.min(BEYOND, spare)
  const start = Math.max(startIndex - beyond, 0)
  const end = Math.min(endIndex + beyond, startIndex + rows - 1, count - 1)
  return Array.from({ length: Math.max(0, end - start + 1) }, (_, at) => start + at)
}

/** Where a key leads to from a row; undefined where it leads nowhere. */
export function destination(key: string, index: number, total: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
      return index + 1 < total ? index + 1 : undefined
    case 'ArrowUp':
      return index > 0 ? index - 1 : undefined
    case 'Home':
      return 0
    case 'End':
      return total - 1
    default:
      return undefined
  }
}
