import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, lstat, rename, unlink } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { type Problem, ProblemError, problem } from '#contract'

const CHUNK = 256 * 1024

/** A name under which an unfinished copy lies beside its place; the same for the same copy, so that it is found again. */
export function partName(...identity: readonly string[]): string {
  const key = createHash('sha256').update(identity.join('\0')).digest('hex').slice(0, 16)
  return `.berth-${key}.part`
}

/** What a file of this machine holds, from `start` up to `end`. Fails as `createReadStream` does. */
export async function* readLocal(path: string, start: number, end: number): AsyncGenerator<Buffer, void> {
  if (end <= start) return
  const stream = createReadStream(path, { start, end: end - 1, highWaterMark: CHUNK })
  // Leaving the loop early makes Node destroy the stream with an error that nobody else listens to.
  stream.on('error', () => undefined)
  for await (const chunk of stream as AsyncIterable<Buffer>) yield chunk
}

/** The SHA-256 of a file's first bytes, to go on with. Undefined where it is shorter. */
export async function hashOf(path: string, length: number, signal: AbortSignal): Promise<Hash | undefined> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of readLocal(path, 0, length)) {
    signal.throwIfAborted()
    hash.update(chunk)
    size += chunk.length
  }
  return size === length ? hash : undefined
}

/** A name that nothing in the folder has: `a.txt`, `a 2.txt`, `a 3.txt`. */
export async function freeName(name: string, isTaken: (name: string) => Promise<boolean>): Promise<string> {
  const ending = name.startsWith('.') ? '' : extname(name)
  const base = name.slice(0, name.length - ending.length)
  let free = name
  for (let number = 2; await isTaken(free); number += 1) free = `${base} ${number}${ending}`
  return free
}

export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

/** The name that something of a workspace can have on this machine. */
export function localName(name: string, platform: NodeJS.Platform = process.platform): string {
  const text = name.replace(/\p{Surrogate}/gu, '\ufffd')
  // What Windows does not take in a name.
  const possible = platform === 'win32' ? text.replace(/[<>:"/\\|?*\p{Cc}]|[. ]$/gu, '_') : text
  return possible === '' || possible === '.' || possible === '..' ? '_' : possible
}

/** Gives a finished copy its name. Without `replace`, what has the name meanwhile stays, and this fails. */
export async function settle(part: string, path: string, replace: boolean): Promise<void> {
  if (replace || (await lstat(part)).isDirectory()) {
    if (!replace && (await isThere(path))) throw taken(path)
    return rename(part, path)
  }
  try {
    await link(part, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw taken(path)
    // A file system without hard links.
    if (await isThere(path)) throw taken(path)
    return rename(part, path)
  }
  await unlink(part)
}

function taken(path: string) {
  return problem({
    code: 'name-taken',
    title: `${path} is there already`,
    cause: 'It was made meanwhile.',
    remedy: 'Try again: another name is chosen then.',
  })
}

const causes: Readonly<Record<string, Pick<Problem, 'code' | 'cause' | 'remedy'>>> = {
  ENOENT: {
    code: 'file-not-found',
    cause: 'There is no such file or folder on this machine any more.',
    remedy: 'Check the path.',
  },
  EACCES: {
    code: 'permission-denied',
    cause: 'You may not do that there on this machine.',
    remedy: 'Change the permissions, or choose another folder.',
  },
  ENOSPC: {
    code: 'disk-full',
    cause: 'The disk of this machine is full.',
    remedy: 'Make room, then try again: it goes on where it was.',
  },
}

/** Says of a failure of this machine's file system what a person can do about it; others stay as they are. */
export function localProblem(error: unknown, path: string): unknown {
  if (error instanceof ProblemError || !(error instanceof Error)) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const known = causes[{ EPERM: 'EACCES', EROFS: 'EACCES', EDQUOT: 'ENOSPC' }[code] ?? code]
  return known
    ? problem({ ...known, title: `${path} could not be copied`, detail: error.message }, error)
    : error
}

/** A path below a folder of this machine. */
export function below(folder: string, name: string): string {
  return join(folder, localName(name))
}
