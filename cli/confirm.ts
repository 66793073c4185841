import { createInterface } from 'node:readline'
import { cancelled, type Survival } from '#contract'
import type { CommandContext } from './execute'
import { UsageError } from './exit-codes'
import { printable } from './text'

/** What an action keeps and loses, as lines for a person. Empty when it loses nothing. */
export function survivalLines(survival: Survival): string[] {
  const item = ({ what, path }: { what: string; path?: string | undefined }) =>
    printable(path ? `${what} (${path})` : what)
  const lines: string[] = []
  if (survival.kept.length > 0) lines.push(`Kept: ${survival.kept.map(item).join(', ')}`)
  if (survival.lost.length > 0) {
    const lost = survival.lost.map((one) =>
      one.keepable ? `${item(one)}, unless kept (--keep-snapshots)` : item(one),
    )
    lines.push(`Lost: ${lost.join(', ')}`)
  }
  for (const work of survival.unsaved) {
    const parts = [
      count(work.uncommitted, 'uncommitted change'),
      count(work.untracked, 'untracked file'),
      count(work.unpushed, 'unpushed commit'),
      count(work.stashed, 'stash', 'stashes'),
    ].filter(Boolean)
    if (parts.length > 0)
      lines.push(`Exists nowhere else: ${printable(work.repository)} has ${parts.join(', ')}`)
  }
  if (survival.risk) lines.push(`Mind: ${survival.risk}`)
  if (!survival.unsavedKnown)
    lines.push('Whether git work would be lost is not known: the workspace could not be asked')
  return lines
}

function count(number: number, one: string, many = `${one}s`): string {
  return number === 0 ? '' : `${number} ${number === 1 ? one : many}`
}

/**
 * Asks on the terminal before an action that cannot be taken back. Without a terminal there is nobody to ask: then the
 * user must have said `--yes`.
 */
export async function confirm(
  context: CommandContext,
  question: string,
  survival: Survival,
  yes: boolean,
): Promise<void> {
  const { console } = context
  if (yes) {
    for (const line of survivalLines(survival)) context.say(line)
    return
  }
  if (!console.stdinIsTerminal || !console.stderrIsTerminal)
    throw new UsageError('There is no terminal to ask on. Say --yes if you mean it.')
  for (const line of survivalLines(survival)) console.stderr.write(`${line}\n`)
  const answer = await ask(context, `${question} [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw cancelled()
}

/** One line from the terminal. Rejects when Ctrl-C is pressed; the end of the input counts as an empty answer. */
function ask(context: CommandContext, prompt: string): Promise<string> {
  const { console, signal } = context
  return new Promise((resolve, reject) => {
    console.stderr.write(prompt)
    // Not in raw mode: the terminal's own line editing is enough for one letter, and Ctrl-C stays a signal.
    const reader = createInterface({ input: console.stdin, terminal: false })
    const onAbort = () => finish(() => reject(cancelled()))
    function finish(action: () => void): void {
      signal.removeEventListener('abort', onAbort)
      reader.off('close', onEnd)
      reader.close()
      console.stdin.pause()
      action()
    }
    const onEnd = () => finish(() => resolve(''))
    reader.once('line', (line) => finish(() => resolve(line)))
    reader.once('close', onEnd)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
