import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react'

/** Rows beyond the edges of what is seen that are drawn as well, and so many more with each frame at first. */
const BEYOND = 12
const BEYOND_PER_FRAME = 3
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
}

/**
 * For the rows of `list`, or of its parent that scrolls, that have their index as `data-index`.
 * @param rowHeight of every row, pixels
 */
export function useWindowed(list: RefObject<HTMLElement | null>, total: number, rowHeight: number): Windowed {
  const found = useRef<{ readonly list: HTMLElement | null; readonly scroller: HTMLElement | null }>(
    undefined,
  )
  const beyond = useBeyond(total > 0)
  const virtualizer = useVirtualizer<HTMLElement, HTMLElement>({
    count: total,
    getScrollElement: () => {
      // Asked for after each drawing; looking makes the page be laid out.
      if (found.current?.list !== list.current)
        found.current = { list: list.current, scroller: scrollerOf(list.current) }
      return found.current?.scroller ?? null
    },
    estimateSize: () => rowHeight,
    overscan: beyond,
    initialRect: { width: 0, height: FIRST_HEIGHT },
  })
  const items = virtualizer.getVirtualItems()
  const focus = (index: number, frames = FRAMES) => {
    const row = list.current?.querySelector<HTMLElement>(`[data-index="${index}"] button`)
    if (row) return row.focus()
    if (frames === FRAMES) virtualizer.scrollToIndex(index)
    if (frames > 0) requestAnimationFrame(() => focus(index, frames - 1))
  }
  return {
    indexes: items.map(({ index }) => index),
    before: items[0]?.start ?? 0,
    after: virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0),
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

/** What is seen is drawn first, and what lies beyond its edges in the frames after. */
function useBeyond(any: boolean): number {
  const [beyond, setBeyond] = useState(0)
  useEffect(() => {
    if (!any || beyond >= BEYOND) return
    const frame = requestAnimationFrame(() => setBeyond(beyond + BEYOND_PER_FRAME))
    return () => cancelAnimationFrame(frame)
  }, [any, beyond])
  return beyond
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

function scrollerOf(element: HTMLElement | null): HTMLElement | null {
  for (let one = element; one; one = one.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(one).overflowY)) return one
  }
  return null
}
