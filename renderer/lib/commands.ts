import { useEffect } from 'react'
import { create } from 'zustand'
import { isMac } from './bridge'
import { type Chord, hasModifier, matchesChord } from './keys'

/** Something the user can do: found in the command palette, and by its keys. */
export interface Command {
  readonly id: string
  readonly title: string
  /** Heading under which it is listed. */
  readonly group: string
  /** The first is shown; all work. */
  readonly keys?: readonly Chord[]
  /** More words to find it by. */
  readonly words?: string
  /** Shown beside the title: a state, a target. */
  readonly hint?: string
  /** Its keys also work while a terminal has the focus, or only then; otherwise they go to the terminal. */
  readonly inTerminal?: boolean | 'only'
  /** Runs again and again while its keys are held down. */
  readonly repeats?: boolean
  /** Only keys, not in the palette. */
  readonly hidden?: boolean
  /** Only in the shortcuts sheet: whoever owns the keys handles them itself. */
  readonly shownOnly?: boolean
  readonly run: () => void
}

const useRegistry = create<{ readonly sets: ReadonlyMap<symbol, readonly Command[]> }>(() => ({
  sets: new Map(),
}))

/** Offers commands while mounted. Memoise the list: a new one is a new registration. */
export function useCommands(commands: readonly Command[]): void {
  useEffect(() => {
    const key = Symbol('commands')
    useRegistry.setState(({ sets }) => ({ sets: new Map(sets).set(key, commands) }))
    return () => {
      useRegistry.setState(({ sets }) => {
        const rest = new Map(sets)
        rest.delete(key)
        return { sets: rest }
      })
    }
  }, [commands])
}

/** All commands on offer now. */
export function useAllCommands(): readonly Command[] {
  const sets = useRegistry((state) => state.sets)
  return [...sets.values()].flat()
}

function isTyping(element: Element | null): boolean {
  if (!(element instanceof HTMLElement)) return false
  if (element.isContentEditable || element instanceof HTMLTextAreaElement) return true
  if (element instanceof HTMLSelectElement) return true
  return element instanceof HTMLInputElement && !['button', 'checkbox', 'radio'].includes(element.type)
}

/**
 * Runs the command that a key press means, if any. A terminal keeps its keys except those of `inTerminal` commands
 * and, on macOS, Command chords; a text field keeps bare keys; while a dialog is open none runs.
 */
export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return
  const mac = isMac()
  const focus = document.activeElement
  const terminal = focus?.closest('.xterm') != null
  const typing = isTyping(focus)
  // In a dialog only Escape and what the dialog itself handles.
  if (document.querySelector('[role=dialog][aria-modal=true]')) return
  const sets = [...useRegistry.getState().sets.values()].reverse()
  for (const command of sets.flat()) {
    if (command.shownOnly) continue
    for (const chord of command.keys ?? []) {
      if (!matchesChord(event, chord, mac)) continue
      if (!terminal && command.inTerminal === 'only') continue
      if (terminal && !command.inTerminal && !(mac && event.metaKey)) continue
      if (typing && !terminal && !hasModifier(chord)) continue
      event.preventDefault()
      event.stopPropagation()
      if (!event.repeat || command.repeats) command.run()
      return
    }
  }
}
