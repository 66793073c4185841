import { Modal } from '@mantine/core'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { isMac } from '../lib/bridge'
import { type Command, useAllCommands } from '../lib/commands'
import { chordLabels } from '../lib/keys'
import { useFocusReturn } from '../ui/focus-return'
import { KeyHint } from '../ui/key-hint'
import { useOverlay } from './overlay'
import styles from './palette.module.css'
import { searchCommands } from './search-commands'

function close(): void {
  useOverlay.setState({ overlay: undefined })
}

/** Groups in the order in which they are listed while nothing is typed; others come after, the last ones first of all. */
const groupOrder = ['Workspaces', 'General', 'Go to']

function inGroups(commands: readonly Command[]): readonly Command[] {
  const place = (command: Command) => {
    const index = groupOrder.indexOf(command.group)
    return index < 0 ? -1 : index
  }
  return [...commands].sort((one, other) => place(one) - place(other))
}

/** Finds a workspace or a command by typing, and does it. */
export function CommandPalette() {
  useFocusReturn()
  const commands = useAllCommands()
  const [query, setQuery] = useState('')
  const [selected, setSelected] = useState(0)
  const list = useRef<HTMLDivElement>(null)
  const id = useId()
  const grouped = query.trim() === ''
  const shown = grouped ? inGroups(searchCommands(commands, '')) : searchCommands(commands, query)
  const active = Math.min(selected, shown.length - 1)
  useEffect(() => {
    list.current?.querySelector(`[data-index="${active}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [active])
  const choose = (command: Command | undefined) => {
    if (!command) return
    close()
    command.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }
    const step = steps[event.key]
    if (step !== undefined) {
      event.preventDefault()
      const wrapped =
        Math.abs(step) === 1 ? (active + step + shown.length) % Math.max(1, shown.length) : active + step
      setSelected(Math.max(0, Math.min(shown.length - 1, wrapped)))
    } else if (event.key === 'Enter') {
      event.preventDefault()
      choose(shown[active])
    }
  }
  return (
    <Modal.Root
      opened
      onClose={close}
      padding={0}
      size={600}
      yOffset="12vh"
      transitionProps={{ duration: 80, transition: 'fade' }}
    >
      <Modal.Overlay backgroundOpacity={0.4} />
      <Modal.Content aria-label="Search">
        <input
          className={styles.input}
          role="combobox"
          aria-label="Search workspaces and commands"
          aria-expanded={shown.length > 0}
          aria-controls={shown.length > 0 ? `${id}-list` : undefined}
          aria-activedescendant={shown[active] ? `${id}-${active}` : undefined}
          aria-autocomplete="list"
          placeholder="Search workspaces and commands"
          spellCheck={false}
          data-autofocus
          value={query}
          onChange={(event) => {
            setQuery(event.currentTarget.value)
            setSelected(0)
          }}
          onKeyDown={onKeyDown}
        />
        <div className={styles.nothing} role="status" hidden={shown.length > 0}>
          {shown.length > 0 ? null : `Nothing is called “${query.trim()}”`}
        </div>
        <div
          ref={list}
          id={`${id}-list`}
          className={styles.list}
          role="listbox"
          aria-label="Results"
          hidden={shown.length === 0}
        >
          {shown.map((command, index) => (
            <div key={command.id} role="presentation">
              {grouped && shown[index - 1]?.group !== command.group ? (
                <div className={styles.group}>{command.group}</div>
              ) : null}
              {/* biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus and names the active option */}
              {/* biome-ignore lint/a11y/useKeyWithClickEvents: the input handles the keys */}
              <div
                id={`${id}-${index}`}
                data-index={index}
                role="option"
                aria-selected={index === active}
                className={styles.option}
                onMouseMove={() => setSelected(index)}
                onClick={() => choose(command)}
              >
                <span className={styles.title}>{command.title}</span>
                <span className={styles.hint}>{command.hint ?? (grouped ? null : command.group)}</span>
                {command.keys?.[0] ? <KeyHint keys={chordLabels(command.keys[0], isMac())} /> : null}
              </div>
            </div>
          ))}
        </div>
      </Modal.Content>
    </Modal.Root>
  )
}
