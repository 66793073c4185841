import { randomBytes } from 'node:crypto'
import {
  access,
  chmod,
  chown,
  constants,
  link,
  lstat,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#contract'
import { makeFolder } from '../../platform/make-folder'

/** What was made for a line to be in it; absent where it was there before. */
export type Made = 'file' | 'folder' | undefined

interface Found {
  /** Where the file really is: it may be a link into somebody's dotfiles. */
  readonly path: string
  /** Undefined where there is none. */
  readonly bytes: Buffer | undefined
}

/** What begins a part of ssh_config(5) that holds for some hosts only. */
const PART = /^\s*(?:host|match)[\s="]/im

/** Whether a line is in effect in a file: it is there, and before the first part. Rejects with a `ProblemError`. */
export async function hasInclude(file: string, line: string): Promise<boolean> {
  const { bytes } = await find(file)
  const text = bytes?.toString('latin1') ?? ''
  const at = placesOf(text, line)[0]
  return at !== undefined && !PART.test(text.slice(0, at))
}

/**
 * Puts a line first in a file, which is made where it is not there. All other bytes, the file's mode and a link to it
 * stay as they are. Resolves with what was made. Rejects with a `ProblemError`.
 */
export async function addInclude(file: string, line: string): Promise<Made> {
  const found = await find(file)
  if (found.bytes === undefined) {
    const folder = dirname(found.path)
    const isFolderThere = await exists(folder)
    await orProblem(file, line, async () => {
      await makeFolder(folder, 0o700)
      await writeNew(found.path, asBytes(line))
    })
    return isFolderThere ? 'file' : 'folder'
  }
  const without = removeFrom(found.bytes, line)
  await replace(file, line, found, Buffer.concat([asBytes(line), without]))
  return undefined
}

/** Takes the line out again; `made` is what {@link addInclude} had made, and goes where nothing else is in it. */
export async function removeInclude(file: string, line: string, made: Made): Promise<void> {
  const found = await find(file)
  if (found.bytes === undefined) return
  const without = removeFrom(found.bytes, line)
  if (without.length === found.bytes.length) return
  if (without.length > 0 || made === undefined) {
    await replace(file, line, found, without)
    return
  }
  await orProblem(file, line, () => rm(found.path))
  // Others may have put something there meanwhile: then it stays.
  if (made === 'folder') await rmdir(dirname(found.path)).catch(() => undefined)
}

const asBytes = (line: string) => Buffer.from(`${line}\n`, 'latin1')

/** Where a line begins, each time that it is there. */
function placesOf(text: string, line: string): number[] {
  const found: number[] = []
  for (let at = text.indexOf(line); at >= 0; at = text.indexOf(line, at + 1)) {
    const end = at + line.length
    const isWhole = (at === 0 || text[at - 1] === '\n') && (end === text.length || text[end] === '\n')
    if (isWhole) found.push(at)
  }
  return found
}

function removeFrom(bytes: Buffer, line: string): Buffer {
  // Byte by byte: whatever the file has, and in whatever encoding, stays as it is.
  let text = bytes.toString('latin1')
  for (const at of placesOf(text, line).reverse()) text = text.slice(0, at) + text.slice(at + line.length + 1)
  return Buffer.from(text, 'latin1')
}

async function find(file: string): Promise<Found> {
  const isThere = await lstat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw failed(file, undefined, error)
    },
  )
  if (!isThere) return { path: file, bytes: undefined }
  try {
    const path = await realpath(file)
    if (!(await stat(path)).isFile()) throw new Error(`${path} is no file`)
    return { path, bytes: await readFile(path) }
  } catch (error) {
    throw failed(file, undefined, error)
  }
}

/** Writes a file at once, in place of what was read of it before. */
async function replace(file: string, line: string, found: Found, bytes: Buffer): Promise<void> {
  await orProblem(file, line, async () => {
    await access(found.path, constants.W_OK)
    const { gid, mode, uid } = await stat(found.path)
    const beside = `${found.path}.berth-${randomBytes(4).toString('hex')}`
    try {
      await writeFile(beside, bytes, { mode: mode & 0o777, flag: 'wx' })
      // The mask has taken of the mode; and it may be somebody else's file, where this is root.
      await chmod(beside, mode & 0o777)
      const made = await stat(beside)
      if (made.uid !== uid || made.gid !== gid) await chown(beside, uid, gid)
      const now = await readFile(found.path)
      if (!found.bytes || !now.equals(found.bytes))
        throw new Error('it was changed just now by something else')
      await rename(beside, found.path)
    } finally {
      await rm(beside, { force: true })
    }
  })
}

async function writeNew(path: string, bytes: Buffer): Promise<void> {
  const beside = join(dirname(path), `.berth-${randomBytes(4).toString('hex')}`)
  try {
    await writeFile(beside, bytes, { mode: 0o600, flag: 'wx' })
    // Fails where somebody else was quicker.
    await link(beside, path)
  } finally {
    await rm(beside, { force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function orProblem(file: string, line: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw failed(file, line, error)
  }
}

function failed(file: string, line: string | undefined, error: unknown) {
  return problem({
    code: 'permission-denied',
    title: line === undefined ? `${file} cannot be read` : `${file} cannot be changed`,
    cause: `${error instanceof Error ? error.message : String(error)}.`,
    remedy:
      line === undefined
        ? 'See what it is: a link that leads nowhere, or a file that you may not read.'
        : `Change it yourself. Its first line has to be, or must not be any more: ${line}`,
  })
}
