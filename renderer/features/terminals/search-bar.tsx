import { IconArrowDown, IconArrowUp, IconLetterCase, IconX } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { IconButton } from '../../ui/icon-button'
import { searchColors } from './palette'
import type { TerminalScreen } from './terminal-screen'
import styles from './terminals.module.css'

/** What xterm.js 6 makes its scrollbar when nothing else is asked for, pixels. */
const SCROLLBAR = 14

interface SearchBarProps {
  readonly screen: TerminalScreen
  readonly scheme: 'light' | 'dark'
  readonly onClose: () => void
}

/** Finds text in the scrollback, newest first. */
export function SearchBar({ screen, scheme, onClose }: SearchBarProps) {
  const [text, setText] = useState(() => oneLine(screen.emulator?.terminal.getSelection() ?? ''))
  const [caseSensitive, setCaseSensitive] = useState(false)
  const [found, setFound] = useState<{ index: number; count: number } | undefined>()
  const input = useRef<HTMLInputElement>(null)

  useEffect(() => {
    input.current?.select()
    // The ruler with the marks of what is found. It is as wide as the scrollbar, and made here and not with the terminal,
    // because from then on every drawing asks the page for its layout.
    if (screen.emulator) screen.emulator.terminal.options.overviewRuler = { width: SCROLLBAR }
    const search = screen.emulator?.search
    const stop = search?.onDidChangeResults(({ resultIndex, resultCount }) =>
      setFound({ index: resultIndex, count: resultCount }),
    )
    return () => {
      stop?.dispose()
      search?.clearDecorations()
    }
  }, [screen])

  const find = (direction: 'newer' | 'older', incremental = false) => {
    const search = screen.emulator?.search
    if (!search) return
    if (text === '') {
      search.clearDecorations()
      setFound(undefined)
      return
    }
    const options = { caseSensitive, incremental, decorations: searchColors(scheme) }
    if (direction === 'newer') search.findNext(text, options)
    else search.findPrevious(text, options)
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: searches when what is searched for changes, and only then
  useEffect(() => find('older', true), [text, caseSensitive, scheme])

  return (
    <search className={styles.search}>
      <input
        ref={input}
        className={styles.searchInput}
        aria-label="Find in terminal"
        placeholder="Find"
        value={text}
        spellCheck={false}
        // biome-ignore lint/a11y/noAutofocus: the user asked for this field just now
        autoFocus
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onClose()
          if (event.key === 'Enter') find(event.shiftKey ? 'newer' : 'older')
        }}
      />
      <span
        className={styles.found}
        role="status"
        data-none={(text !== '' && found?.count === 0) || undefined}
      >
        {text === '' || !found ? '' : found.count === 0 ? 'None' : `${found.index + 1} of ${found.count}`}
      </span>
      <IconButton label="Match case" pressed={caseSensitive} onClick={() => setCaseSensitive(!caseSensitive)}>
        <IconLetterCase size={15} />
      </IconButton>
      <IconButton label="Older (Enter)" onClick={() => find('older')}>
        <IconArrowUp size={15} />
      </IconButton>
      <IconButton label="Newer (Shift+Enter)" onClick={() => find('newer')}>
        <IconArrowDown size={15} />
      </IconButton>
      <IconButton label="Close (Esc)" onClick={onClose}>
        <IconX size={15} />
      </IconButton>
    </search>
  )
}

function oneLine(text: string): string {
  return text.includes('\n') ? '' : text.trim().slice(0, 200)
}
