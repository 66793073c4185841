import { posix } from 'node:path'
import type { Workspace } from '#contract'
import { UsageError } from '../exit-codes'

/** One side of `berth cp` as it was typed. */
export type Place =
  | { readonly kind: 'stream' }
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'workspace'; readonly workspace: string; readonly path: string }

/**
 * `-`, a path of this machine, or `workspace:path`. What begins with `/`, `.` or `~`, and what begins with a drive letter
 * on Windows, is a path of this machine although it has a colon.
 */
export function parsePlace(text: string, platform: NodeJS.Platform = process.platform): Place {
  if (text === '-') return { kind: 'stream' }
  const colon = text.indexOf(':')
  const drive = platform === 'win32' && /^[a-z]:/i.test(text)
  if (colon <= 0 || /^[./~]/.test(text) || drive) return { kind: 'local', path: text }
  return { kind: 'workspace', workspace: text.slice(0, colon), path: text.slice(colon + 1) }
}

export interface RemotePath {
  /** Absolute and without a slash at the end. */
  readonly path: string
  /** Written with `/` or `/.` at its end: it has to be a folder. */
  readonly folder: boolean
  /** Written with `/.` at its end: what the folder holds, and not the folder. */
  readonly contents: boolean
}

/** A path inside a workspace: absolute, relative to the workspace folder, or with `~` for the user's home. */
export function remotePath(
  workspace: Pick<Workspace, 'user'> & { readonly definition: { readonly workspaceFolder: string } },
  text: string,
): RemotePath {
  if (text.includes('\0')) throw new UsageError('A path cannot hold a NUL character.')
  const base = workspace.definition.workspaceFolder
  const home = text === '~' || text.startsWith('~/')
  const absolute = home ? posix.join(workspace.user.home, text.slice(1)) : posix.resolve('/', base, text)
  const path = posix.resolve('/', absolute)
  return { path, ...endings(text, /\/$/, /(^|\/)\.$/) }
}

/** The endings of a path of this machine, read in the same way. */
export function localEndings(text: string): { readonly folder: boolean; readonly contents: boolean } {
  return process.platform === 'win32' ? endings(text, /[\\/]$/, /[\\/]\.$/) : endings(text, /\/$/, /\/\.$/)
}

function endings(text: string, slash: RegExp, dot: RegExp): { folder: boolean; contents: boolean } {
  const contents = dot.test(text)
  return { folder: contents || slash.test(text), contents }
}
