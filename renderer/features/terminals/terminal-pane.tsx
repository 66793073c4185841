import { Menu } from '@mantine/core'
import { IconClipboard, IconCopy, IconPlus, IconSearch, IconSelectAll, IconX } from '@tabler/icons-react'
import { type MouseEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Session } from '#contract'
import { useAssistive } from '../../lib/assistive'
import { callShell, isMac } from '../../lib/bridge'
import { notifyProblem } from '../../lib/notify'
import { EndedBanner } from './ended-banner'
import { terminalKey } from './keys'
import { openLink } from './open-link'
import { releaseScreen, takeScreen } from './screens'
import { SearchBar } from './search-bar'
import type { ScreenHooks, ScreenState, TerminalScreen, TerminalSettings } from './terminal-screen'
import styles from './terminals.module.css'

interface TerminalPaneProps {
  readonly session: Session
  readonly settings: TerminalSettings
  readonly scheme: 'light' | 'dark'
  readonly searching: boolean
  /** Changes when the terminal is to have the keyboard. */
  readonly focusTurn: number
  readonly onSearch: (searching: boolean) => void
  readonly onNew: (() => void) | undefined
  readonly onClose: () => void
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

/** The terminal in front. */
export function TerminalPane({ session, settings, scheme, focusTurn, ...rest }: TerminalPaneProps) {
  const { searching, onSearch, onNew, onClose } = rest
  const host = useRef<HTMLDivElement>(null)
  const [screen, setScreen] = useState<TerminalScreen | undefined>()
  const [state, setState] = useState<ScreenState>('loading')
  const [menu, setMenu] = useState<{ x: number; y: number } | undefined>()
  const { id, workspaceId } = session

  const screenRef = useRef<TerminalScreen | undefined>(undefined)
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
    taken.offerFocus()
    setScreen(taken)
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
    if (focusTurn > 0) screen?.offerFocus()
  }, [screen, focusTurn])

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

  const openMenu = useCallback((event: MouseEvent) => {
    event.preventDefault()
    setMenu({ x: event.clientX, y: event.clientY })
  }, [])
  const selection = screen?.emulator?.terminal.getSelection() ?? ''

  return (
    <div className={styles.pane} data-scheme={scheme} data-state={state}>
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
      <div className={styles.host} ref={host} onContextMenu={openMenu} />
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
      <Menu
        opened={menu !== undefined}
        onChange={(opened) => {
          if (opened) return
          setMenu(undefined)
          screen?.focus()
        }}
        position="bottom-start"
        offset={0}
        returnFocus={false}
      >
        <Menu.Target>
          {/* Only a place; a button because a menu hangs on one. */}
          <button
            type="button"
            tabIndex={-1}
            aria-hidden
            aria-label="Terminal"
            className={styles.menuAnchor}
            style={{ left: menu?.x ?? 0, top: menu?.y ?? 0 }}
          />
        </Menu.Target>
        {menu && screen ? (
          <Menu.Dropdown>
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
            <Menu.Item leftSection={<IconPlus size={14} />} disabled={!onNew} onClick={() => onNew?.()}>
              New terminal
            </Menu.Item>
            <Menu.Item leftSection={<IconX size={14} />} onClick={onClose}>
              Close terminal
            </Menu.Item>
          </Menu.Dropdown>
        ) : null}
      </Menu>
    </div>
  )
}
