import { IconPlus, IconTerminal2, IconX } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { Session } from '#contract'
import { IconButton } from '../../ui/icon-button'
import styles from './terminals.module.css'

interface TabBarProps {
  readonly sessions: readonly Session[]
  readonly front: string | undefined
  readonly canAdd: boolean
  readonly addHint: string
  readonly onFront: (sessionId: string) => void
  readonly onAdd: () => void
  readonly onClose: (sessionId: string) => void
  readonly onRename: (sessionId: string, title: string) => void
  readonly onMove: (moved: string, before: string | undefined) => void
}

/** The terminals of a workspace, side by side. Dragged to reorder, double-clicked to rename. */
export function TabBar(props: TabBarProps) {
  const { sessions, front, canAdd, addHint, onFront, onAdd, onMove } = props
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
      <div className={styles.list} role="tablist" aria-label="Terminals" ref={list} onKeyDown={onKeyDown}>
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

function Tab({ session, selected, target, onFront, onClose, onRename, ...drag }: TabProps) {
  const [renaming, setRenaming] = useState(false)
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
            setRenaming(false)
            if (event.currentTarget.value.trim() !== session.title)
              onRename(session.id, event.currentTarget.value)
          }}
          onKeyDown={(event) => {
            event.stopPropagation()
            if (event.key === 'Enter') event.currentTarget.blur()
            if (event.key !== 'Escape') return
            event.currentTarget.value = session.title
            event.currentTarget.blur()
          }}
        />
      ) : (
        <button
          type="button"
          className={styles.label}
          role="tab"
          aria-selected={selected}
          tabIndex={selected ? 0 : -1}
          title={ended ? `${session.title} (ended)` : session.title}
          onClick={() => onFront(session.id)}
          onDoubleClick={() => setRenaming(true)}
          onKeyDown={(event) => {
            if (event.key === 'F2') setRenaming(true)
            if (event.key === 'Delete') onClose(session.id)
          }}
        >
          <IconTerminal2 size={13} className={styles.tabIcon} aria-hidden />
          <span className={styles.title}>{session.title}</span>
          {ended ? <span className={styles.endedMark}>ended</span> : null}
        </button>
      )}
      <button
        type="button"
        className={styles.close}
        aria-label={`Close ${session.title}`}
        title="Close"
        tabIndex={-1}
        onClick={() => onClose(session.id)}
      >
        <IconX size={12} />
      </button>
    </div>
  )
}
