import { IconPlus } from '@tabler/icons-react'
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import type { Session } from '#contract'
import { IconButton } from '../../ui/icon-button'
import type { Side } from './panes'
import { Tab } from './tab'
import styles from './terminals.module.css'

/** A tab as it is shown. */
export interface ShownTab {
  readonly id: string
  /** From left to right and from top to bottom. */
  readonly sessions: readonly Session[]
  /** The session that has the keyboard when the tab is in front. */
  readonly recent: string
  /** Of one that is split. */
  readonly direction: 'row' | 'column' | undefined
  readonly canSplit: boolean
}

export interface TabBarProps {
  readonly tabs: readonly ShownTab[]
  /** The tab in front. */
  readonly front: string | undefined
  readonly canAdd: boolean
  readonly addHint: string
  readonly onFront: (tabId: string) => void
  readonly onAdd: () => void
  /** What else can be begun; beside the button for a new terminal. */
  readonly more?: ReactNode
  readonly onClose: (sessionIds: readonly string[]) => void
  /** The terminal whose name is being changed; where its tab has several it is changed there. */
  readonly renaming: string | undefined
  readonly onRenaming: (sessionId: string | undefined) => void
  readonly onRename: (sessionId: string, title: string) => void
  /** The user is done with a name, and with the keyboard. */
  readonly onRenamed: () => void
  readonly onMove: (moved: string, before: string | undefined) => void
  /** Absent while there can be no more terminals. */
  readonly onSplit: ((sessionId: string, side: Side) => void) | undefined
}

/** The tabs of a workspace's terminals. Dragged to reorder, double-clicked to rename; the keys for both are commands. */
export function TabBar(props: TabBarProps) {
  const { tabs, front, canAdd, addHint, onFront, onAdd, onMove, more } = props
  const [dragged, setDragged] = useState<string | undefined>()
  const [over, setOver] = useState<string | undefined>()
  const list = useRef<HTMLDivElement>(null)

  useEffect(() => {
    list.current
      ?.querySelector(`[data-tab="${front}"]`)
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [front])

  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === front)
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    const next = event.key === 'Home' ? tabs[0] : event.key === 'End' ? tabs.at(-1) : tabs[at + (step ?? 0)]
    if (!next || next.id === front || event.target instanceof HTMLInputElement) return
    // A tab's menu is elsewhere on the page, and its keys come by here all the same.
    if (!(event.target instanceof Node && list.current?.contains(event.target))) return
    event.preventDefault()
    onFront(next.id)
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"] [role=tab]`)?.focus()
  }

  return (
    <div className={styles.bar}>
      <div
        className={styles.list}
        role="tablist"
        aria-label="Terminals"
        ref={list}
        onKeyDown={onKeyDown}
        onWheel={(event) => {
          // A wheel has one direction, and so has the row.
          event.currentTarget.scrollLeft += event.deltaY
        }}
      >
        {tabs.map((tab) => (
          <Tab
            key={tab.id}
            {...props}
            tab={tab}
            selected={tab.id === front}
            target={over === tab.id && dragged !== tab.id}
            onDragStart={() => setDragged(tab.id)}
            onDragOver={() => setOver(tab.id)}
            onDragEnd={() => {
              setDragged(undefined)
              setOver(undefined)
            }}
            onDrop={() => {
              if (dragged === undefined || dragged === tab.id) return
              const from = tabs.findIndex(({ id }) => id === dragged)
              const to = tabs.indexOf(tab)
              onMove(dragged, from < to ? tabs[to + 1]?.id : tab.id)
            }}
          />
        ))}
      </div>
      <IconButton label={addHint} disabled={!canAdd} onClick={onAdd}>
        <IconPlus size={15} />
      </IconButton>
      {more}
    </div>
  )
}
