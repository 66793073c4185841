import { useEffect, useMemo, useRef } from 'react'
import { isMac } from '../../lib/bridge'
import { type Command, useCommands } from '../../lib/commands'
import type { Side } from './panes'

/** The keys of split tabs: those of VS Code where it has any, and else of terminals that are split. */
export function paneKeys() {
  return isMac()
    ? { right: 'mod+\\', down: 'mod+shift+d', focus: 'mod+alt+', resize: 'mod+ctrl+' }
    : { right: 'ctrl+shift+5', down: 'ctrl+shift+d', focus: 'alt+', resize: 'alt+shift+' }
}

interface PaneCommands {
  /** Whether the tab in front can be split further. */
  readonly canSplit: boolean
  readonly isSplit: boolean
  /** Whether there is a tab on the left that has room for one more. */
  readonly canJoin: boolean
  readonly onSplit: (side: Side) => void
  readonly onFocus: (side: Side) => void
  readonly onResize: (side: Side) => void
  readonly onEven: () => void
  readonly onOut: () => void
  readonly onJoin: () => void
}

const sides = [
  { side: 'left', focus: 'To the terminal on the left', resize: 'Move the divider to the left' },
  { side: 'right', focus: 'To the terminal on the right', resize: 'Move the divider to the right' },
  { side: 'up', focus: 'To the terminal above', resize: 'Move the divider up' },
  { side: 'down', focus: 'To the terminal below', resize: 'Move the divider down' },
] as const

/** What can be done with the terminals of the tab in front, by name and by keys. */
export function usePaneCommands(state: PaneCommands): void {
  const current = useRef(state)
  useEffect(() => {
    current.current = state
  })
  const { canJoin, canSplit, isSplit } = state
  const commands = useMemo<readonly Command[]>(() => {
    const keys = paneKeys()
    const command = (id: string, title: string, rest: Omit<Command, 'id' | 'title' | 'group'>): Command => ({
      id: `terminal.${id}`,
      title,
      group: 'Terminal',
      inTerminal: true,
      words: 'split pane side by side',
      ...rest,
    })
    const split = (id: string, title: string, key: string, side: Side) =>
      command(id, title, { keys: [key], run: () => current.current.onSplit(side) })
    return [
      ...(canSplit
        ? [
            split('split-right', 'Split terminal to the right', keys.right, 'right'),
            split('split-down', 'Split terminal downwards', keys.down, 'down'),
          ]
        : []),
      ...(isSplit
        ? [
            ...sides.map(({ side, focus }) =>
              command(`focus-${side}`, focus, {
                keys: [`${keys.focus}arrow${side}`],
                // Elsewhere they go back and forward.
                inTerminal: 'only',
                run: () => current.current.onFocus(side),
              }),
            ),
            ...sides.map(({ side, resize }) =>
              command(`resize-${side}`, resize, {
                keys: [`${keys.resize}arrow${side}`],
                inTerminal: 'only',
                repeats: true,
                run: () => current.current.onResize(side),
              }),
            ),
            command('even', 'Same size for all terminals of the tab', {
              run: () => current.current.onEven(),
            }),
            command('own-tab', 'Move terminal to a tab of its own', { run: () => current.current.onOut() }),
          ]
        : []),
      ...(canJoin
        ? [command('join', 'Move terminal into the tab on the left', { run: () => current.current.onJoin() })]
        : []),
    ]
  }, [canJoin, canSplit, isSplit])
  useCommands(commands)
}
