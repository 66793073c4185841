import { shellQuoted } from '../../platform/shell-quoted'

/** A text as one word of a shell, with nothing in it for the shell to do. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : shellQuoted(text)
}

/** The same, but for `$NAME` and `${NAME}`, which the shell fills in. */
export function quoteWithVariables(text: string): string {
  return `"${text.replace(/[\\"`]|\$(?![A-Za-z_]|\{[A-Za-z_]\w*\})/g, '\\$&')}"`
}

export interface Step {
  /** A shell line, or several. */
  readonly line: string
  /** Where it runs; absent: where the shell is. A word of the shell already. */
  readonly folder?: string
  /** Words `NAME=value`, the values quoted. */
  readonly env: readonly string[]
}

/** In a shell of its own, so that what it changes ends with it. It may end with a comment or a here-document. */
export function subshell({ line, folder, env }: Step): string {
  return [
    '(',
    ...(folder === undefined ? [] : [`cd ${folder} || exit`]),
    // One at a time: a later one may name an earlier one.
    ...env.map((word) => `export ${word}`),
    line.trimEnd(),
    ')',
  ].join('\n')
}

/** One after the other, until one fails. */
export function sequence(lines: readonly string[]): string {
  return lines.join(' &&\n')
}

/**
 * Side by side. Ends when all have ended, with the failure of one that failed. What interrupts it is passed on, since
 * a shell shields from that what runs in its background.
 */
export function sideBySide(lines: readonly string[]): string {
  const names = lines.map((_, index) => `p${index + 1}`)
  return [
    '(',
    ...lines.map((line, index) => `${line} & ${names[index]}=$!`),
    `trap 'kill ${names.map((name) => `$${name}`).join(' ')} 2>/dev/null' INT TERM HUP`,
    'failed=0',
    ...names.map((name) => `wait $${name} || failed=$?`),
    'exit $failed',
    ')',
  ].join('\n')
}
