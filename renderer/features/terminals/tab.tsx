import { Menu } from '@mantine/core'
import { IconLayoutColumns, IconLayoutRows, IconPencil, IconTerminal2, IconX } from '@tabler/icons-react'
import { Fragment, useRef, useState } from 'react'
import { type Point, PointMenu } from './point-menu'
import { RenameField } from './rename-field'
import { tabHint } from './service-menu'
import type { ShownTab, TabBarProps } from './tab-bar'
import { SplitEntries } from './tab-panes'
import styles from './terminals.module.css'

interface TabProps extends TabBarProps {
  readonly tab: ShownTab
  readonly selected: boolean
  readonly target: boolean
  readonly onDragStart: () => void
  readonly onDragOver: () => void
  readonly onDragEnd: () => void
  readonly onDrop: () => void
}

const icons = { row: IconLayoutColumns, column: IconLayoutRows }

/** One tab: the name of its terminal, or of all of them. */
export function Tab({ tab, selected, target, onFront, onClose, onRename, onRenamed, ...rest }: TabProps) {
  const { renaming: renamed, onRenaming, onSplit, ...drag } = rest
  const [menu, setMenu] = useState<Point | undefined>()
  const label = useRef<HTMLButtonElement>(null)
  const { id, sessions, recent, direction } = tab
  const all = sessions.map((session) => session.id)
  const isSplit = sessions.length > 1
  const renaming = !isSplit && renamed === recent
  const ended = sessions.every(({ state }) => state === 'ended')
  const Icon = direction ? icons[direction] : IconTerminal2
  const names = sessions.map(({ title }) => title).join(' · ')
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dragging has the keyboard's own way, and the tab in it has its role
    <div
      className={styles.tab}
      data-tab={id}
      data-selected={selected || undefined}
      data-ended={ended || undefined}
      data-split={isSplit || undefined}
      data-target={target || undefined}
      draggable={!renaming}
      onDragStart={(event) => {
        event.dataTransfer.effectAllowed = 'move'
        event.dataTransfer.setData('text/plain', names)
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
        if (event.button === 1) onClose(all)
      }}
      onContextMenu={(event) => {
        if (renaming) return
        event.preventDefault()
        setMenu({ x: event.clientX, y: event.clientY })
      }}
    >
      {renaming ? (
        <RenameField
          title={names}
          onRename={(title) => onRename(recent, title)}
          onClose={() => onRenaming(undefined)}
          onDone={onRenamed}
        />
      ) : (
        <button
          type="button"
          ref={label}
          className={styles.label}
          role="tab"
          aria-selected={selected}
          aria-keyshortcuts="F2 Delete"
          tabIndex={selected ? 0 : -1}
          title={sessions.map(tabHint).join('\n')}
          onClick={() => onFront(id)}
          onDoubleClick={() => onRenaming(recent)}
          onKeyDown={(event) => {
            if (event.key === 'F2') onRenaming(recent)
            if (event.key === 'Delete') onClose(all)
          }}
        >
          <Icon size={13} className={styles.tabIcon} aria-hidden />
          <span className={styles.title}>
            {sessions.map(({ id: session, title }, index) => (
              <Fragment key={session}>
                {index > 0 ? <span className={styles.between}> · </span> : null}
                <span data-recent={session === recent || undefined}>{title}</span>
              </Fragment>
            ))}
          </span>
          {ended ? <span className={styles.endedMark}>ended</span> : null}
        </button>
      )}
      {/* For the pointer: in a list of tabs there is nothing but tabs, and the keyboard has Delete and the command. */}
      <button
        type="button"
        className={styles.close}
        aria-hidden
        title={isSplit ? `Close all ${sessions.length}` : 'Close'}
        tabIndex={-1}
        onClick={() => onClose(all)}
      >
        <IconX size={12} />
      </button>
      <PointMenu
        label="Tab"
        at={menu}
        onClose={() => {
          setMenu(undefined)
          label.current?.focus()
        }}
      >
        <SplitEntries onSplit={tab.canSplit && onSplit ? (side) => onSplit(recent, side) : undefined} />
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconPencil size={14} />}
          onClick={() => {
            onFront(id)
            onRenaming(recent)
          }}
        >
          Rename
        </Menu.Item>
        <Menu.Item leftSection={<IconX size={14} />} onClick={() => onClose(all)}>
          {isSplit ? `Close all ${sessions.length} terminals` : 'Close terminal'}
        </Menu.Item>
      </PointMenu>
    </div>
  )
}
