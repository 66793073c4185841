import { Menu } from '@mantine/core'
import { IconClipboard, IconCopy, IconPlus, IconSearch, IconSelectAll, IconX } from '@tabler/icons-react'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import type { Session } from '#contract'
import { useAssistive } from '../../lib/assistive'
import { callShell, isMac } from '../../lib/bridge'
import { notifyProblem } from '../../lib/notify'
import { EndedBanner } from './ended-banner'
import { terminalKey } from './keys'
import { openLink } from './open-link'
import { type Point, PointMenu } from './point-menu'
import { releaseScreen, takeScreen } from './screens'
import { SearchBar } from './search-bar'
import type { ScreenHooks, ScreenState, TerminalScreen, TerminalSettings } from './terminal-screen'
import styles from './terminals.module.css'

interface TerminalPaneProps {
  readonly session: Session
  readonly settings: TerminalSettings
  readonly scheme: 'light' | 'dark'
  readonly searching: boolean
  /** Whether it is the one in front, of those that share the tab. */
  readonly focused: boolean
  /** Changes when the terminal is to have the keyboard. */
  readonly focusTurn: number
  readonly onSearch: (searching: boolean) => void
  readonly onNew: (() => void) | undefined
  readonly onClose: () => void
  /** Where its menu is open, if it is. */
  readonly menu: Point | undefined
  readonly onMenu: (at: Point | undefined) => void
  /** More entries of its menu. */
  readonly entries: ReactNode
}

async function copy(text: string): Promise<void> {
  if (text === '') return
  const result = await callShell('shell.writeClipboard', { text })
  if (!result.ok) notifyProblem(result.problem)
}

async function pasteInto(screen: TerminalScreen): Promise<void> {
  const result = await callShell('shell.readClipboard', {})
  if (result.ok) screen.paste(result.value.text)
  else notifyProblem(result.problem)
}

/** One terminal, alone in its tab or beside others. */
export function TerminalPane({ session, settings, scheme, focused, focusTurn, ...rest }: TerminalPaneProps) {
  const { searching, onSearch, onNew, onClose, menu, onMenu, entries } = rest
  const host = useRef<HTMLDivElement>(null)
  const pane = useRef<HTMLDivElement>(null)
  const [screen, setScreen] = useState<TerminalScreen | undefined>()
  const [state, setState] = useState<ScreenState>('loading')
  const { id, workspaceId } = session

  const screenRef = useRef<TerminalScreen | undefined>(undefined)
  const isFocused = useRef(focused)
  isFocused.current = focused
  const copyOnSelect = useRef(settings.copyOnSelect)
  copyOnSelect.current = settings.copyOnSelect
  const hooks = useMemo<ScreenHooks>(
    () => ({
      onState: (next) => setState(next),
      onLink: (address) => void openLink(workspaceId, address),
      // A program in the background has no business with the clipboard.
      onClipboard: (text) => {
        if (document.hasFocus()) void copy(text)
      },
      onSelection: (text) => {
        if (copyOnSelect.current) void copy(text)
      },
      onKey: (event) => {
        const key = terminalKey(event, isMac())
        const current = screenRef.current
        if (!key || !current) return false
        event.preventDefault()
        if (key === 'copy') void copy(current.emulator?.terminal.getSelection() ?? '')
        else void pasteInto(current)
        return true
      },
    }),
    [workspaceId],
  )

  // biome-ignore lint/correctness/useExhaustiveDependencies: settings and size have their own effects; a screen is taken per session
  useEffect(() => {
    const parent = host.current
    if (!parent) return
    const taken = takeScreen(session, settings, scheme, hooks)
    screenRef.current = taken
    taken.show(parent)
    if (isFocused.current) taken.offerFocus()
    setScreen(taken)
    // One that is come back to says no more how it is.
    setState(taken.state)
    return () => {
      screenRef.current = undefined
      releaseScreen(id)
    }
  }, [id, hooks])

  const assistive = useAssistive((state) => state.on)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the screen reads whether a screen reader is at work itself
  useEffect(() => screen?.apply(settings, scheme), [screen, settings, scheme, assistive])
  useEffect(() => screen?.follow(session.columns, session.rows), [screen, session.columns, session.rows])
  useEffect(() => {
    if (focusTurn > 0 && isFocused.current) screen?.offerFocus()
  }, [screen, focusTurn])
  useEffect(() => {
    // Not where the keyboard has come into it by itself, to one of its buttons perhaps.
    if (focused && !pane.current?.contains(document.activeElement)) screen?.offerFocus()
  }, [screen, focused])

  useEffect(() => {
    if (!screen) return
    const onFocus = () => screen.claimSize()
    // A page that is not seen has slow timers: the engine must not wait for it.
    const onVisibility = () => (document.hidden ? screen.disconnect() : screen.connect())
    window.addEventListener('focus', onFocus)
    document.addEventListener('visibilitychange', onVisibility)
    return () => {
      window.removeEventListener('focus', onFocus)
      document.removeEventListener('visibilitychange', onVisibility)
    }
  }, [screen])

  const selection = screen?.emulator?.terminal.getSelection() ?? ''

  return (
    <div className={styles.pane} ref={pane} data-scheme={scheme} data-state={state}>
      {searching && screen ? (
        <SearchBar
          screen={screen}
          scheme={scheme}
          onClose={() => {
            onSearch(false)
            screen.focus()
          }}
        />
      ) : null}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the emulator within has the keyboard; this is its right click */}
      <div
        className={styles.host}
        ref={host}
        onContextMenu={(event) => {
          event.preventDefault()
          onMenu({ x: event.clientX, y: event.clientY })
        }}
      />
      {session.state === 'reconnecting' ? (
        <div className={styles.lost} role="status">
          Reconnecting… What runs here goes on in the workspace.
          {session.isInputDropped
            ? ' You have typed more than is kept until then: what you type now is lost.'
            : null}
        </div>
      ) : state === 'lost' && session.state !== 'ended' ? (
        <div className={styles.lost} role="status">
          Connecting to the terminal…
        </div>
      ) : null}
      {session.end ? <EndedBanner end={session.end} onNew={onNew} onClose={onClose} /> : null}
      <PointMenu
        label="Terminal"
        at={menu}
        onClose={() => {
          onMenu(undefined)
          screen?.focus()
        }}
      >
        {screen ? (
          <>
            <Menu.Item
              leftSection={<IconCopy size={14} />}
              disabled={selection === ''}
              onClick={() => void copy(selection).then(() => screen.focus())}
            >
              Copy
            </Menu.Item>
            <Menu.Item
              leftSection={<IconClipboard size={14} />}
              disabled={session.state === 'ended'}
              onClick={() => void pasteInto(screen).then(() => screen.focus())}
            >
              Paste
            </Menu.Item>
            <Menu.Item
              leftSection={<IconSelectAll size={14} />}
              onClick={() => screen.emulator?.terminal.selectAll()}
            >
              Select all
            </Menu.Item>
            <Menu.Item leftSection={<IconSearch size={14} />} onClick={() => onSearch(true)}>
              Find…
            </Menu.Item>
            <Menu.Divider />
            {entries}
            <Menu.Item leftSection={<IconPlus size={14} />} disabled={!onNew} onClick={() => onNew?.()}>
              New terminal
            </Menu.Item>
            <Menu.Item leftSection={<IconX size={14} />} onClick={onClose}>
              Close terminal
            </Menu.Item>
          </>
        ) : null}
      </PointMenu>
    </div>
  )
}
