import { shellQuoted } from '../../../platform/shell-quoted'
import type { ExecOptions } from '../../driver'
import { EXEC_MARKER } from '../../shared/signal-processes'
import { type Prologue, prologueOf, readPrologue } from './prologue'

/** A command as it is asked for, and what it reads of its input before that is the process's own. */
export interface WrappedCommand {
  readonly command: readonly string[]
  readonly prologue?: Prologue
}

/**
 * The command with what the exec subresource has no field for: environment, folder, the marker by which the process
 * is found again, and a terminal's size before the process asks for it. A few lines of `sh` that end in `exec`, so
 * that the process is the container runtime's own child, with its own exit status.
 * @param prefix a command that runs another one, as setpriv does: in front of all that is the process's own
 */
export function wrapCommand(options: ExecOptions, marker: string, prefix: readonly string[]): WrappedCommand {
  const lines: string[] = [`export ${EXEC_MARKER}=${shellQuoted(marker)}`]
  const prologue = prologueOf(options.env ?? {}, options.tty ? marker : undefined)
  if (prologue) lines.push(readPrologue)
  if (prologue?.told) lines.push(`printf %s ${shellQuoted(marker)}`)
  if (options.tty) {
    // Its size arrives on a channel of its own, when the process may have asked already.
    lines.push(`stty cols ${options.tty.columns} rows ${options.tty.rows} 2>/dev/null`)
  }
  if (options.cwd !== undefined) lines.push(`cd ${shellQuoted(options.cwd)} || exit 126`)
  lines.push('exec "$@"')
  const command = [...prefix, '/bin/sh', '-c', lines.join('\n'), 'berth', ...options.command]
  return { command, ...(prologue && { prologue }) }
}
