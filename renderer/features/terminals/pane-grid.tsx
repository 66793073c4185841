import { type ReactNode, useRef, useState } from 'react'
import type { Pane } from '#contract/pane-tree'
import { Divider } from './divider'
import { type DividerPlace, evenOut, layOut, moveDivider } from './panes'
import styles from './panes.module.css'

interface PaneGridProps {
  readonly pane: Pane
  /** The session that has the keyboard, or had it last. */
  readonly front: string
  readonly titleOf: (session: string) => string
  readonly scheme: 'light' | 'dark'
  readonly children: (session: string) => ReactNode
  /** The user has given panes another room. */
  readonly onChange: (pane: Pane) => void
  /** The keyboard has come into another pane. */
  readonly onEnter: (session: string) => void
  /** The keyboard goes back to the terminal in front. */
  readonly onLeave: () => void
}

/**
 * What a tab holds. All panes are beside each other on the page, however deep they are split: one whose surroundings
 * change is moved and not made anew.
 */
export function PaneGrid({ pane, front, titleOf, scheme, children, ...on }: PaneGridProps) {
  const grid = useRef<HTMLDivElement>(null)
  const [moving, setMoving] = useState<{ readonly place: DividerPlace; readonly portion: number }>()
  const { panes, dividers } = layOut(moving ? moveDivider(pane, moving.place, moving.portion) : pane)
  const isSplit = panes.length > 1
  const nameOf = (sessions: readonly string[]) => sessions.map(titleOf).join(', ')

  return (
    <div className={styles.grid} ref={grid} data-moving={moving ? true : undefined} data-scheme={scheme}>
      {/* First, since a terminal keeps the Tab key: whoever comes from the tabs meets the dividers ahead of it. */}
      {dividers.map((divider) => (
        <Divider
          key={`${divider.path.join('.')}:${divider.index}`}
          divider={divider}
          names={[nameOf(divider.ahead), nameOf(divider.behind)]}
          grid={grid}
          onMoving={(portion) => setMoving(portion === undefined ? undefined : { place: divider, portion })}
          onMove={(place, portion) => on.onChange(moveDivider(pane, place, portion))}
          onEven={(place) => on.onChange(evenOut(pane, place))}
          onLeave={on.onLeave}
        />
      ))}
      {panes.map(({ session, left, top, width, height }) => (
        <section
          key={session}
          id={`pane-${session}`}
          className={styles.box}
          aria-label={isSplit ? titleOf(session) : undefined}
          data-pane={session}
          data-split={isSplit || undefined}
          data-front={session === front || undefined}
          style={{
            left: `${left * 100}%`,
            top: `${top * 100}%`,
            width: `${width * 100}%`,
            height: `${height * 100}%`,
          }}
          onFocus={() => {
            if (session !== front) on.onEnter(session)
          }}
        >
          {children(session)}
        </section>
      ))}
    </div>
  )
}
