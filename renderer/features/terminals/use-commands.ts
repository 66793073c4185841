import { useEffect, useMemo, useRef } from 'react'
import { isMac } from '../../lib/bridge'
import { type Command, useCommands } from '../../lib/commands'
import { request } from '../../lib/engine'
import { notifyProblem } from '../../lib/notify'
import type { TerminalSettings } from './terminal-screen'

/** What the terminal itself does. */
const nothing = () => undefined

/** The keys that belong to terminals; each platform's own. */
export function terminalKeys() {
  return isMac()
    ? {
        open: 'mod+t',
        close: 'mod+w',
        next: 'mod+shift+]',
        previous: 'mod+shift+[',
        search: 'mod+f',
        copy: 'mod+c',
        paste: 'mod+v',
      }
    : {
        open: 'ctrl+shift+t',
        close: 'ctrl+shift+w',
        next: 'ctrl+pagedown',
        previous: 'ctrl+pageup',
        search: 'ctrl+shift+f',
        copy: 'ctrl+shift+c',
        paste: 'ctrl+shift+v',
      }
}

interface TerminalCommands {
  readonly active: boolean
  readonly running: boolean
  readonly tabs: readonly string[]
  readonly front: { readonly tab: string; readonly session: string } | undefined
  readonly settings: TerminalSettings | undefined
  readonly onFront: (tabId: string) => void
  readonly onOpen: () => void
  readonly onClose: (sessionId: string) => void
  readonly onRename: (sessionId: string) => void
  readonly onMove: (tabId: string, before: string | undefined) => void
  readonly onSearch: (sessionId: string) => void
  /** From within the terminal to its tab, or back. */
  readonly onLeave: () => void
}

/** What can be done with the terminals in view, by name and by keys. */
export function useTerminalCommands(state: TerminalCommands): void {
  const current = useRef(state)
  useEffect(() => {
    current.current = state
  })
  const { active, running } = state
  const some = state.front !== undefined
  const commands = useMemo<readonly Command[]>(() => {
    if (!active) return []
    const group = 'Terminal'
    const chords = terminalKeys()
    const step = (by: number) => () => {
      const { tabs, front, onFront } = current.current
      const at = tabs.indexOf(front?.tab ?? '')
      const next = tabs[(at + by + tabs.length) % tabs.length]
      if (next !== undefined) onFront(next)
    }
    const move = (by: 1 | -1) => () => {
      const { tabs, front, onMove } = current.current
      const at = tabs.indexOf(front?.tab ?? '')
      if (front && tabs[at + by] !== undefined) onMove(front.tab, tabs[by > 0 ? at + 2 : at - 1])
    }
    const zoom = (by: number | undefined) => () => {
      const { settings } = current.current
      if (!settings) return
      const fontSize = by === undefined ? 13 : Math.min(Math.max(settings.fontSize + by, 6), 40)
      void request('settings.change', { terminal: { ...settings, fontSize } }).then((result) => {
        if (!result.ok) notifyProblem(result.problem)
      })
    }
    const always = { group, inTerminal: true }
    return [
      ...(running
        ? [
            {
              ...always,
              id: 'terminal.new',
              title: 'New terminal',
              keys: [chords.open],
              run: () => current.current.onOpen(),
            },
          ]
        : []),
      ...(some
        ? [
            {
              ...always,
              id: 'terminal.close',
              title: 'Close terminal',
              keys: [chords.close],
              run: () => {
                const { front, onClose } = current.current
                if (front) onClose(front.session)
              },
            },
            { ...always, id: 'terminal.next', title: 'Next terminal', keys: [chords.next], run: step(1) },
            {
              ...always,
              id: 'terminal.previous',
              title: 'Previous terminal',
              keys: [chords.previous],
              run: step(-1),
            },
            {
              ...always,
              id: 'terminal.rename',
              title: 'Rename terminal',
              run: () => {
                const { front, onRename } = current.current
                if (front) onRename(front.session)
              },
            },
            {
              ...always,
              id: 'terminal.move-left',
              title: 'Move terminal to the left',
              keys: ['ctrl+shift+pageup'],
              run: move(-1),
            },
            {
              ...always,
              id: 'terminal.move-right',
              title: 'Move terminal to the right',
              keys: ['ctrl+shift+pagedown'],
              run: move(1),
            },
            {
              ...always,
              id: 'terminal.leave',
              title: 'From the terminal to its tab, or back',
              keys: ['ctrl+f6'],
              words: 'leave focus keyboard',
              run: () => current.current.onLeave(),
            },
            { group, id: 'terminal.copy', title: 'Copy', keys: [chords.copy], shownOnly: true, run: nothing },
            {
              group,
              id: 'terminal.paste',
              title: 'Paste',
              keys: [chords.paste],
              shownOnly: true,
              run: nothing,
            },
            {
              ...always,
              id: 'terminal.find',
              title: 'Find in terminal',
              keys: [chords.search],
              run: () => {
                const { front, onSearch } = current.current
                if (front) onSearch(front.session)
              },
            },
            {
              ...always,
              id: 'terminal.larger',
              title: 'Larger terminal text',
              keys: ['mod+=', 'mod++'],
              run: zoom(1),
            },
            {
              ...always,
              id: 'terminal.smaller',
              title: 'Smaller terminal text',
              keys: ['mod+-'],
              run: zoom(-1),
            },
            {
              ...always,
              id: 'terminal.usual-size',
              title: 'Usual size of terminal text',
              keys: ['mod+0'],
              run: zoom(undefined),
            },
          ]
        : []),
    ]
  }, [active, running, some])
  useCommands(commands)
}
