import { type KeyboardEvent, type PointerEvent, type RefObject, useRef } from 'react'
import type { DividerPlace, PlacedDivider } from './panes'
import styles from './panes.module.css'

/** What a divider leaves to each side, pixels, where there is as much. */
const LEAST = { row: 96, column: 64 }
/** How far one press of an arrow key moves it, of what both sides have. */
const STEP = 0.02

interface DividerProps {
  readonly divider: PlacedDivider
  /** Of the two sides, for those who hear it. */
  readonly names: readonly [ahead: string, behind: string]
  /** All that is split. */
  readonly grid: RefObject<HTMLElement | null>
  /** It is on its way; undefined: it is back where it was. */
  readonly onMoving: (portion: number | undefined) => void
  readonly onMove: (place: DividerPlace, portion: number) => void
  readonly onEven: (place: DividerPlace) => void
  /** The keyboard goes back to the terminal. */
  readonly onLeave: () => void
}

/**
 * Between two panes: dragged, or moved with the arrow keys (ARIA, "window splitter"). A double click gives all panes
 * of its row or column the same room.
 */
export function Divider({ divider, names, grid, onMoving, onMove, onEven, onLeave }: DividerProps) {
  const { ahead, both, direction, left, top, width, height, portion } = divider
  const isRow = direction === 'row'
  const held = useRef<{ readonly at: number; readonly portion: number; now: number } | undefined>(undefined)

  const length = () => {
    const box = grid.current?.getBoundingClientRect()
    return Math.max(both * (isRow ? (box?.width ?? 0) : (box?.height ?? 0)), 1)
  }
  const within = (wanted: number) => {
    const least = Math.min(LEAST[direction] / length(), 0.5)
    return Math.min(Math.max(wanted, least), 1 - least)
  }
  const at = (event: PointerEvent) => (isRow ? event.clientX : event.clientY)

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return
    event.preventDefault()
    event.currentTarget.setPointerCapture(event.pointerId)
    held.current = { at: at(event), portion, now: portion }
  }
  const onPointerMove = (event: PointerEvent) => {
    const from = held.current
    if (!from) return
    from.now = within(from.portion + (at(event) - from.at) / length())
    onMoving(from.now)
  }
  const letGo = (isKept: boolean) => {
    const from = held.current
    held.current = undefined
    if (!from) return
    if (isKept && from.now !== from.portion) onMove(divider, from.now)
    onMoving(undefined)
  }

  const onKeyDown = (event: KeyboardEvent) => {
    const step = isRow
      ? { ArrowLeft: -STEP, ArrowRight: STEP }[event.key]
      : { ArrowUp: -STEP, ArrowDown: STEP }[event.key]
    if (event.key === 'Escape') {
      if (held.current) letGo(false)
      else onLeave()
    } else if (event.key === 'Enter') onEven(divider)
    else if (event.key === 'Home') onMove(divider, within(0))
    else if (event.key === 'End') onMove(divider, within(1))
    else if (step && !event.altKey && !event.ctrlKey && !event.metaKey)
      onMove(divider, within(portion + step))
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  const percent = Math.round(portion * 100)
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule that can be moved is this role, and hr takes no keyboard
    <div
      className={styles.divider}
      role="separator"
      tabIndex={0}
      aria-orientation={isRow ? 'vertical' : 'horizontal'}
      aria-label={`Between ${names[0]} and ${names[1]}`}
      aria-controls={ahead.map((session) => `pane-${session}`).join(' ')}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuetext={`${percent}%`}
      data-direction={direction}
      style={{
        left: `${left * 100}%`,
        top: `${top * 100}%`,
        ...(isRow ? { height: `${height * 100}%` } : { width: `${width * 100}%` }),
      }}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => letGo(true)}
      onPointerCancel={() => letGo(false)}
      onDoubleClick={() => onEven(divider)}
      onKeyDown={onKeyDown}
    />
  )
}
