import { IconPlus, IconTerminal2, IconX } from '@tabler/icons-react'
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import type { Session } from '#contract'
import { IconButton } from '../../ui/icon-button'
import { tabHint } from './service-menu'
import styles from './terminals.module.css'

interface TabBarProps {
  readonly sessions: readonly Session[]
  readonly front: string | undefined
  readonly canAdd: boolean
  readonly addHint: string
  readonly onFront: (sessionId: string) => void
  readonly onAdd: () => void
  /** What else can be begun; beside the button for a new terminal. */
  readonly more?: ReactNode
  readonly onClose: (sessionId: string) => void
  /** The tab whose name is being changed. */
  readonly renaming: string | undefined
  readonly onRenaming: (sessionId: string | undefined) => void
  readonly onRename: (sessionId: string, title: string) => void
  /** The user is done with a name, and with the keyboard. */
  readonly onRenamed: () => void
  readonly onMove: (moved: string, before: string | undefined) => void
}

/** The terminals of a workspace, side by side. Dragged to reorder, double-clicked to rename; the keys for both are commands. */
export function TabBar(props: TabBarProps) {
  const { sessions, front, canAdd, addHint, onFront, onAdd, onMove, more } = props
  const [dragged, setDragged] = useState<string | undefined>()
  const [over, setOver] = useState<string | undefined>()
  const list = useRef<HTMLDivElement>(null)

  useEffect(() => {
    list.current
      ?.querySelector(`[data-tab="${front}"]`)
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [front])

  const onKeyDown = (event: KeyboardEvent) => {
    const at = sessions.findIndex(({ id }) => id === front)
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    const next =
      event.key === 'Home' ? sessions[0] : event.key === 'End' ? sessions.at(-1) : sessions[at + (step ?? 0)]
    if (!next || next.id === front || event.target instanceof HTMLInputElement) return
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
        {sessions.map((session) => (
          <Tab
            key={session.id}
            {...props}
            session={session}
            selected={session.id === front}
            target={over === session.id && dragged !== session.id}
            onDragStart={() => setDragged(session.id)}
            onDragOver={() => setOver(session.id)}
            onDragEnd={() => {
              setDragged(undefined)
              setOver(undefined)
            }}
            onDrop={() => {
              if (dragged === undefined || dragged === session.id) return
              const from = sessions.findIndex(({ id }) => id === dragged)
              const to = sessions.indexOf(session)
              onMove(dragged, from < to ? sessions[to + 1]?.id : session.id)
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

interface TabProps extends TabBarProps {
  readonly session: Session
  readonly selected: boolean
  readonly target: boolean
  readonly onDragStart: () => void
  readonly onDragOver: () => void
  readonly onDragEnd: () => void
  readonly onDrop: () => void
}

function Tab({ session, selected, target, onFront, onClose, onRename, onRenamed, ...rest }: TabProps) {
  const { renaming: renamed, onRenaming, ...drag } = rest
  const renaming = renamed === session.id
  const ended = session.state === 'ended'
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dragging has the keyboard's own way, and the tab in it has its role
    <div
      className={styles.tab}
      data-tab={session.id}
      data-selected={selected || undefined}
      data-ended={ended || undefined}
      data-target={target || undefined}
      draggable={!renaming}
      onDragStart={(event) => {
        event.dataTransfer.effectAllowed = 'move'
        event.dataTransfer.setData('text/plain', session.title)
        drag.onDragStart()
      }}
      onDragOver={(event) => {
        event.preventDefault()
        drag.onDragOver()
      }}
      onDragEnd={drag.onDragEnd}
      onDrop={(event) => {
        event.preventDefault()
        drag.onDrop()
      }}
      onAuxClick={(event) => {
        if (event.button === 1) onClose(session.id)
      }}
    >
      {renaming ? (
        <input
          className={styles.rename}
          aria-label="Name of the terminal"
          defaultValue={session.title}
          maxLength={200}
          // biome-ignore lint/a11y/noAutofocus: the user asked for this field just now
          autoFocus
          onFocus={(event) => event.currentTarget.select()}
          onBlur={(event) => {
            onRenaming(undefined)
            if (event.currentTarget.value.trim() !== session.title)
              onRename(session.id, event.currentTarget.value)
          }}
          onKeyDown={(event) => {
            event.stopPropagation()
            if (event.key === 'Escape') event.currentTarget.value = session.title
            else if (event.key !== 'Enter') return
            // The terminal gets the keyboard, and nothing of this press.
            event.preventDefault()
            event.currentTarget.blur()
            onRenamed()
          }}
        />
      ) : (
        <button
          type="button"
          className={styles.label}
          role="tab"
          aria-selected={selected}
          aria-keyshortcuts="F2 Delete"
          tabIndex={selected ? 0 : -1}
          title={tabHint(session)}
          onClick={() => onFront(session.id)}
          onDoubleClick={() => onRenaming(session.id)}
          onKeyDown={(event) => {
            if (event.key === 'F2') onRenaming(session.id)
            if (event.key === 'Delete') onClose(session.id)
          }}
        >
          <IconTerminal2 size={13} className={styles.tabIcon} aria-hidden />
          <span className={styles.title}>{session.title}</span>
          {ended ? <span className={styles.endedMark}>ended</span> : null}
        </button>
      )}
      {/* For the pointer: in a list of tabs there is nothing but tabs, and the keyboard has Delete and the command. */}
      <button
        type="button"
        className={styles.close}
        aria-hidden
        title="Close"
        tabIndex={-1}
        onClick={() => onClose(session.id)}
      >
        <IconX size={12} />
      </button>
    </div>
  )
}
