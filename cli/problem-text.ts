import type { Problem } from '#contract'
import { commandName } from './command-name'
import { printable, style } from './text'

/** Lines of raw detail that are shown; the rest is in `--json`. */
const DETAIL_LINES = 20

/** A Problem as a person reads it on a terminal. */
export function problemText(problem: Problem, color: boolean): string {
  const { bold, red, dim } = style(color)
  const lines = [`${red(bold('Problem:'))} ${bold(printable(problem.title))}`]
  if (problem.cause) lines.push(indent(printable(problem.cause)))
  if (problem.remedy) lines.push(indent(`What to do: ${printable(problem.remedy)}`))
  for (const action of problem.actions ?? []) {
    if (action.kind === 'open-url') lines.push(indent(`${printable(action.label)}: ${printable(action.url)}`))
    if (action.kind === 'copy') lines.push(indent(`${printable(action.label)}: ${printable(action.text)}`))
    if (action.kind === 'workspace')
      lines.push(
        indent(
          `${printable(label(action.label))}: ${commandName()} ${command(action.verb)} ${action.workspaceId}`,
        ),
      )
  }
  const detail = problem.detail ? printable(problem.detail).trimEnd().split('\n') : []
  for (const line of detail.slice(-DETAIL_LINES)) lines.push(dim(`  | ${line}`))
  lines.push(dim(`  (${problem.code})`))
  return lines.join('\n')
}

const command = (verb: string) => (verb === 'force-stop' ? 'stop --force' : verb)
/** The dots of a button that asks first. */
const label = (text: string) => text.replace(/…$/, '')

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
}
