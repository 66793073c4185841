import type { ExecOptions } from '../../driver'
import { EXEC_MARKER } from '../../shared/signal-processes'

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/**
 * The command with what the exec subresource has no field for: environment, folder, the marker by which the process
 * is found again, and a terminal's size before the process asks for it. A few lines of `sh` that end in `exec`, so
 * that the process is the container runtime's own child, with its own exit status.
 * @param prefix a command that runs another one, as setpriv does: in front of all that is the process's own
 */
export function wrapCommand(options: ExecOptions, marker: string, prefix: readonly string[]): string[] {
  const lines: string[] = [`export ${EXEC_MARKER}=${quoted(marker)}`]
  const odd: string[] = []
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (IDENTIFIER.test(name)) lines.push(`export ${name}=${quoted(value)}`)
    else odd.push(quoted(`${name}=${value}`))
  }
  if (options.tty) {
    // Its size arrives on a channel of its own, when the process may have asked already.
    lines.push(`stty cols ${options.tty.columns} rows ${options.tty.rows} 2>/dev/null`)
  }
  if (options.cwd !== undefined) lines.push(`cd ${quoted(options.cwd)} || exit 126`)
  // A shell has no variables of such names, and some drop them.
  if (odd.length > 0) lines.push(`set -- env ${odd.join(' ')} "$@"`)
  lines.push('exec "$@"')
  return [...prefix, '/bin/sh', '-c', lines.join('\n'), 'berth', ...options.command]
}
