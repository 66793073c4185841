import {
  chmodSync,
  closeSync,
  copyFileSync,
  fchmodSync,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import type { Headers } from 'tar-stream'
import { Pause } from './pause'
import type { Tally } from './tally'

/** Bytes up to which a file is in memory as a whole before anything is written. */
export const SMALL = 256 * 1024

/**
 * The way of an entry below the top name, as names of folders and files. Null for a name that leads out of it.
 */
export function entryPath(name: string, platform: NodeJS.Platform = process.platform): string[] | null {
  if (name.includes('\0')) return null
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) return null
  const below = parts.slice(1)
  // On Windows a backslash separates too, and a colon names a drive or a stream.
  if (platform === 'win32' && below.some((part) => /[\\:]/.test(part))) return null
  return below
}

/**
 * Writes entries of a tree that comes from a workspace, which may be hostile: nothing is written outside `root`, neither
 * by `..` and absolute names nor through a symbolic link, whether it was in the tree or lay there before. What may not
 * be written is left out and counted. Set-id bits are dropped, owners are whoever runs this. A file is there as a whole
 * or not at all: a large one is written beside its place first.
 */
export class TreeWriter {
  readonly #root: string
  readonly #tally: Tally
  /** Folders known to be real folders and not links. Nothing here ever replaces a folder by something else. */
  readonly #folders = new Set<string>()
  /** Their modes and times are set last: a folder may be read-only, and every file in it changes its time. */
  readonly #pending: { readonly path: string; readonly mode: number; readonly mtime: Date }[] = []
  /** The folder that an entry was last placed in, by its name in the tar, and its path here. */
  #last: { readonly name: string; readonly path: string } | undefined
  /** Of the folder that was written to last: which modes its new files get as they are asked for. */
  readonly #given = { folder: '', modes: new Map<number, boolean>() }

  constructor(root: string, tally: Tally) {
    this.#root = root
    this.#tally = tally
  }

  /** An entry whose content, if it has one, is in memory. */
  writeWhole(header: Headers, content: readonly Buffer[]): void {
    const path = this.#place(header)
    if (path === undefined) return
    switch (header.type) {
      case 'directory':
        this.#directory(path, header)
        break
      case 'file':
      case 'contiguous-file':
        this.#wholeFile(path, header, content)
        break
      case 'symlink':
        this.#symbolicLink(path, header)
        break
      case 'link':
        this.#hardLink(path, header)
        break
      default:
        this.#tally.skip(header.name, `a ${header.type} is not copied`)
    }
  }

  /** A file of any size. */
  async write(header: Headers, content: AsyncIterable<Buffer>): Promise<void> {
    const path = this.#place(header)
    if (path === undefined) return
    if (header.type !== 'file' && header.type !== 'contiguous-file')
      return this.#tally.skip(header.name, `a ${header.type} is not copied`)
    if (isFolder(path)) return this.#tally.skip(header.name, 'a folder has its name')
    const part = join(path, '..', `.berth-${process.pid}-${Math.random().toString(36).slice(2)}.part`)
    const mode = (header.mode ?? 0o644) & 0o777
    try {
      const file = await open(part, 'wx', 0o600)
      try {
        for await (const chunk of content) {
          await file.write(chunk)
          this.#tally.addBytes(chunk.length)
        }
        await file.chmod(mode)
        if (header.mtime) await file.utimes(header.mtime, header.mtime)
      } finally {
        await file.close()
      }
      renameSync(part, path)
    } catch (error) {
      await rm(part, { force: true })
      throw error
    }
    this.#tally.addFile(header.name)
  }

  /** Whether a file is there already as it is to be: of this size and time. */
  has(header: Headers): boolean {
    const parts = entryPath(header.name)
    const found = parts && lstat(join(this.#root, ...parts))
    if (!found?.isFile() || found.size !== header.size) return false
    return Math.floor(found.mtimeMs / 1000) === Math.floor((header.mtime?.getTime() ?? 0) / 1000)
  }

  async finish(): Promise<void> {
    const pause = new Pause()
    for (const { path, mode, mtime } of this.#pending.reverse()) {
      chmodSync(path, mode & 0o777)
      utimesSync(path, mtime, mtime)
      if (pause.isDue) await pause.now()
    }
  }

  /** Where an entry belongs; undefined where it may not be written. */
  #place(header: Headers): string | undefined {
    const { name } = header
    const own = name.slice(name.lastIndexOf('/') + 1)
    const folder = name.slice(0, -own.length - 1)
    // Most come after one of the same folder.
    if (this.#last && folder === this.#last.name && isPlain(own)) return `${this.#last.path}${sep}${own}`
    const parts = entryPath(name)
    if (!parts) {
      this.#tally.skip(name, 'its name leads out of the folder')
      return undefined
    }
    if (!this.#parents(parts)) {
      this.#tally.skip(name, 'it lies behind a symbolic link')
      return undefined
    }
    // The top itself lies in the folder above, where nothing else may.
    if (parts.length > 0 && folder !== '' && isPlain(own))
      this.#last = { name: folder, path: join(this.#root, ...parts.slice(0, -1)) }
    return join(this.#root, ...parts)
  }

  /** Makes the folders above an entry. False when one of them is not a real folder. */
  #parents(parts: readonly string[]): boolean {
    let folder = this.#root
    for (const part of parts.slice(0, -1)) {
      if (!this.#realFolder(folder)) return false
      folder = join(folder, part)
    }
    return parts.length === 0 || this.#realFolder(folder)
  }

  #realFolder(path: string): boolean {
    if (this.#folders.has(path)) return true
    const found = lstat(path)
    if (!found) mkdirSync(path)
    // The root is the user's own choice and may be a link; what is below it comes from the workspace.
    else if (!found.isDirectory() && path !== this.#root) return false
    this.#folders.add(path)
    return true
  }

  #directory(path: string, header: Headers): void {
    if (!this.#realFolder(path)) this.#tally.skip(header.name, 'something else has its name')
    else this.#pending.push({ path, mode: header.mode ?? 0o755, mtime: header.mtime ?? new Date() })
  }

  #wholeFile(path: string, header: Headers, content: readonly Buffer[]): void {
    const mode = (header.mode ?? 0o644) & 0o777
    const file = this.#create(path, 0o600 | mode)
    if (file === undefined) {
      this.#tally.skip(header.name, 'a folder has its name')
      return
    }
    try {
      for (const piece of content) {
        for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at)
        this.#tally.addBytes(piece.length)
      }
      if (!this.#isGiven(path, mode, file)) fchmodSync(file, mode)
      if (header.mtime) {
        const seconds = header.mtime.getTime() / 1000
        futimesSync(file, seconds, seconds)
      }
      closeSync(file)
    } catch (error) {
      closeSync(file)
      unlinkSync(path)
      throw error
    }
    this.#tally.addFile(header.name)
  }

  /** Whether a new file has the mode that was asked for: that depends on the umask, and on what its folder passes on. */
  #isGiven(path: string, mode: number, file: number): boolean {
    const folder = dirname(path)
    if (folder !== this.#given.folder) {
      this.#given.folder = folder
      this.#given.modes.clear()
    }
    const known = this.#given.modes.get(mode)
    if (known !== undefined) return known
    const given = (fstatSync(file).mode & 0o777) === mode
    this.#given.modes.set(mode, given)
    return given
  }

  /** A new file. Undefined where a folder has the name. `wx`: if a link appeared in the meantime it is not followed. */
  #create(path: string, mode: number): number | undefined {
    try {
      return openSync(path, 'wx', mode)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      return this.#makeRoom(path) ? openSync(path, 'wx', mode) : undefined
    }
  }

  #symbolicLink(path: string, header: Headers): void {
    if (!this.#makeRoom(path)) {
      this.#tally.skip(header.name, 'a folder has its name')
      return
    }
    symlinkSync(header.linkname ?? '', path)
    if (header.mtime) lutimesSync(path, header.mtime, header.mtime)
    this.#tally.addFile(header.name)
  }

  #hardLink(path: string, header: Headers): void {
    const parts = entryPath(header.linkname ?? '')
    const target = parts && this.#parents(parts) ? join(this.#root, ...parts) : null
    const isCopied = target !== null && lstat(target)?.isFile() === true
    if (!isCopied || !this.#makeRoom(path)) {
      const reason = isCopied ? 'a folder has its name' : 'it is a link to something not copied'
      this.#tally.skip(header.name, reason)
      return
    }
    try {
      linkSync(target, path)
    } catch {
      // A file system without hard links.
      copyFileSync(target, path)
    }
    this.#tally.addFile(header.name)
  }

  /** Removes a file or link that has the name. False when a folder has it. */
  #makeRoom(path: string): boolean {
    const found = lstat(path)
    if (!found) return true
    if (found.isDirectory()) return false
    unlinkSync(path)
    return true
  }
}

/** Whether a name is just a name, on every system. */
function isPlain(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[\0\\:]/.test(name)
}

function isFolder(path: string): boolean {
  return lstat(path)?.isDirectory() ?? false
}

function lstat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}
