import { memo, useLayoutEffect, useMemo, useRef } from 'react'
import { parseAnsi, type StyledText } from './ansi'
import type { LogBlock } from './log-buffer'
import styles from './log-view.module.css'

interface LogViewProps {
  readonly label: string
  readonly blocks: readonly LogBlock[]
  /** Keep the end in view as text comes. */
  readonly follow: boolean
  /** The user scrolled away from the end, or back to it. */
  readonly onFollow: (follow: boolean) => void
  readonly wrap: boolean
  /** Lines that contain it are marked; compared without case. */
  readonly search?: string
  /** Grows with its content up to this height, else fills its parent. CSS pixels. */
  readonly maxHeight?: number
}

/** How far from the end still counts as the end. CSS pixels. */
const NEAR_END = 24

/**
 * Text that a program printed, with its colours. Blocks out of sight are not laid out (`content-visibility`), so
 * that ten thousand lines scroll like ten, while selecting and finding still work over all of them.
 */
export function LogView({ label, blocks, follow, onFollow, wrap, search = '', maxHeight }: LogViewProps) {
  const element = useRef<HTMLDivElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: has to run after each change of what is shown
  useLayoutEffect(() => {
    const view = element.current
    if (view && follow) view.scrollTop = view.scrollHeight
  }, [blocks, follow, wrap])
  const needle = search.trim().toLowerCase()
  return (
    <div
      ref={element}
      className={styles.view}
      role="log"
      aria-label={label}
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard
      tabIndex={0}
      data-wrap={wrap || undefined}
      style={maxHeight === undefined ? undefined : { maxHeight, height: 'auto' }}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
        const atEnd = scrollHeight - scrollTop - clientHeight <= NEAR_END
        if (atEnd !== follow) onFollow(atEnd)
      }}
    >
      {blocks.map((block) => (
        <Block key={block.id} lines={block.lines} needle={needle} />
      ))}
    </div>
  )
}

const Block = memo(function Block({
  lines,
  needle,
}: {
  readonly lines: readonly string[]
  readonly needle: string
}) {
  return (
    <div className={styles.block} style={{ containIntrinsicHeight: `auto ${lines.length * 18}px` }}>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a block only ever grows at its end
        <Line key={index} line={line} needle={needle} />
      ))}
    </div>
  )
})

const Line = memo(function Line({ line, needle }: { readonly line: string; readonly needle: string }) {
  const runs = useMemo(() => parseAnsi(line), [line])
  const text = runs.map((run) => run.text).join('')
  const found = needle !== '' && text.toLowerCase().includes(needle)
  return (
    <div className={styles.line} data-found={found || undefined}>
      {runs.length === 0
        ? '\u200b'
        : runs.map((run, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: runs have no other identity and no state
            <Run key={index} run={run} />
          ))}
    </div>
  )
})

function Run({ run }: { readonly run: StyledText }) {
  if (Object.keys(run).length === 1) return run.text
  return (
    <span
      style={{
        color: run.color,
        backgroundColor: run.background,
        fontWeight: run.bold ? 600 : undefined,
        opacity: run.dim ? 0.7 : undefined,
        fontStyle: run.italic ? 'italic' : undefined,
        textDecoration: run.underline ? 'underline' : undefined,
      }}
    >
      {run.text}
    </span>
  )
}
