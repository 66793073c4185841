import type { OpenerId } from '#contract'
import { shellQuoted } from '../../platform/shell-quoted'
import type { Program } from './programs'

/** Which workspace, and how SSH gets there. */
export interface Destination {
  /** `demo.berth`: letters, digits, hyphens and dots alone. */
  readonly host: string
  /** Absolute path of the folder to open. */
  readonly folder: string
  /** The configuration in which OpenSSH finds the host, whatever its own says. */
  readonly sshConfig: string
}

/** A path within an address: each of its parts as it may stand in one. */
const addressed = (path: string) => path.split('/').map(encodeURIComponent).join('/')

/** The argument vector that opens a workspace in a program. */
export function commandFor(
  id: Exclude<OpenerId, 'browser'>,
  { args, command }: Program,
  destination: Destination,
): readonly string[] {
  const { folder, host, sshConfig } = destination
  switch (id) {
    case 'vscode':
    case 'cursor':
    case 'windsurf':
      return [command, ...args, '--folder-uri', `vscode-remote://ssh-remote+${host}${addressed(folder)}`]
    case 'zed':
      return [command, ...args, `ssh://${host}${addressed(folder)}`]
    case 'gateway':
      return [command, ...args]
    case 'files':
      return [command, ...args, `sftp://${host}${addressed(folder)}`]
    case 'terminal': {
      const ssh = ['ssh', '-F', sshConfig, host]
      return command.endsWith('/osascript')
        ? [command, ...args, appleScript(ssh)]
        : [command, ...args, ...ssh]
    }
  }
}

/** Has Terminal run a command, which it takes as a line for a shell. */
function appleScript(argv: readonly string[]): string {
  const line = argv.map(shellQuoted).join(' ')
  const text = line.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return `tell application "Terminal"\nactivate\ndo script "${text}"\nend tell`
}
