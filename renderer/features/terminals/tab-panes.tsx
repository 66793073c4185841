import { Menu } from '@mantine/core'
import { IconLayoutColumns, IconLayoutRows, IconSquareArrowUp } from '@tabler/icons-react'
import { useState } from 'react'
import type { Session } from '#contract'
import type { Pane } from '#contract/pane-tree'
import type { Front } from './arrangement'
import { PaneGrid } from './pane-grid'
import { PaneHeader } from './pane-header'
import type { Side } from './panes'
import type { Point } from './point-menu'
import { RenameField } from './rename-field'
import { TerminalPane } from './terminal-pane'
import type { TerminalSettings } from './terminal-screen'

interface TabPanesProps {
  readonly front: Front
  readonly sessions: ReadonlyMap<string, Session>
  readonly settings: TerminalSettings
  readonly scheme: 'light' | 'dark'
  /** Changes when the terminal in front is to have the keyboard. */
  readonly focusTurn: number
  /** In which text is being looked for. */
  readonly searching: string | undefined
  readonly onSearching: (sessionId: string | undefined) => void
  /** Whose name is being changed. */
  readonly renaming: string | undefined
  readonly onRenaming: (sessionId: string | undefined) => void
  readonly onRename: (sessionId: string, title: string) => void
  readonly onNew: (() => void) | undefined
  /** Absent while the tab cannot be split. */
  readonly onSplit: ((sessionId: string, side: Side) => void) | undefined
  readonly onOut: (sessionId: string) => void
  readonly onClose: (sessionId: string) => void
  readonly onChange: (pane: Pane) => void
  /** The keyboard has come into another pane. */
  readonly onEnter: (sessionId: string) => void
  /** The terminal in front is to have the keyboard. */
  readonly onFocus: () => void
}

/** The terminals of the tab in front. */
export function TabPanes({ front, sessions, settings, scheme, focusTurn, ...rest }: TabPanesProps) {
  const { searching, renaming, onSplit } = rest
  const [menu, setMenu] = useState<Point & { readonly session: string }>()
  const { tab } = front
  const isSplit = tab.sessions.length > 1

  return (
    <PaneGrid
      pane={tab.pane}
      front={front.session}
      titleOf={(id) => sessions.get(id)?.title ?? ''}
      scheme={scheme}
      onChange={rest.onChange}
      onEnter={rest.onEnter}
      onLeave={rest.onFocus}
    >
      {(id) => {
        const session = sessions.get(id)
        if (!session) return null
        return (
          <>
            {isSplit ? (
              <PaneHeader
                session={session}
                field={
                  renaming === id ? (
                    <RenameField
                      title={session.title}
                      onRename={(title) => rest.onRename(id, title)}
                      onClose={() => rest.onRenaming(undefined)}
                      onDone={rest.onFocus}
                    />
                  ) : null
                }
                onFront={() => {
                  if (id !== front.session) rest.onEnter(id)
                  rest.onFocus()
                }}
                onRename={() => rest.onRenaming(id)}
                onClose={() => rest.onClose(id)}
                onMenu={(event) => {
                  event.preventDefault()
                  rest.onEnter(id)
                  setMenu({ session: id, x: event.clientX, y: event.clientY })
                }}
              />
            ) : null}
            <TerminalPane
              session={session}
              settings={settings}
              scheme={scheme}
              searching={searching === id}
              focused={front.session === id}
              focusTurn={focusTurn}
              onSearch={(isOn) => rest.onSearching(isOn ? id : undefined)}
              onNew={rest.onNew}
              onClose={() => rest.onClose(id)}
              menu={menu?.session === id ? menu : undefined}
              onMenu={(at) => setMenu(at && { session: id, ...at })}
              entries={
                <>
                  <SplitEntries onSplit={onSplit && ((side) => onSplit(id, side))} />
                  {isSplit ? (
                    <Menu.Item leftSection={<IconSquareArrowUp size={14} />} onClick={() => rest.onOut(id)}>
                      Move to a tab of its own
                    </Menu.Item>
                  ) : null}
                  <Menu.Divider />
                </>
              }
            />
          </>
        )
      }}
    </PaneGrid>
  )
}

/** The ways in which a terminal is split, in a menu. */
export function SplitEntries({ onSplit }: { readonly onSplit: ((side: Side) => void) | undefined }) {
  return (
    <>
      <Menu.Item
        leftSection={<IconLayoutColumns size={14} />}
        disabled={!onSplit}
        onClick={() => onSplit?.('right')}
      >
        Split to the right
      </Menu.Item>
      <Menu.Item
        leftSection={<IconLayoutRows size={14} />}
        disabled={!onSplit}
        onClick={() => onSplit?.('down')}
      >
        Split downwards
      </Menu.Item>
    </>
  )
}
