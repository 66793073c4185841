import { chmod, copyFile, link, lstat, lutimes, mkdir, open, symlink, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Headers, extract as tarExtract } from 'tar-stream'
import type { Tally } from './tally'
import { feed } from './tar-streams'

/**
 * Unpacks a tar stream, whose entries all lie under one top name, so that the top becomes `root`.
 *
 * The stream comes from a workspace, which may be hostile: nothing is written outside `root`, neither by `..` and
 * absolute names nor through a symbolic link, whether it was in the archive or lay there before. What may not be
 * written is left out and counted. Set-id bits are dropped, owners are whoever runs this.
 */
export async function extract(tar: Readable, root: string, tally: Tally, signal: AbortSignal): Promise<void> {
  const writer = new Writer(root, tally)
  const entries = tarExtract()
  const feeding = feed(tar, entries, signal)
  // Its error reaches the loop below through `entries`; this only keeps it from counting as unhandled.
  feeding.catch(() => undefined)
  try {
    for await (const entry of entries) {
      await writer.write(entry.header, entry as AsyncIterable<Buffer>)
      entry.resume()
    }
    await feeding
  } finally {
    entries.destroy()
    tar.destroy()
  }
  await writer.finish()
}

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

class Writer {
  readonly #root: string
  readonly #tally: Tally
  /** Folders known to be real folders and not links. Nothing here ever replaces a folder by something else. */
  readonly #folders = new Set<string>()
  /** Their modes and times are set last: a folder may be read-only, and every file in it changes its time. */
  readonly #pending: { readonly path: string; readonly mode: number; readonly mtime: Date }[] = []

  constructor(root: string, tally: Tally) {
    this.#root = root
    this.#tally = tally
  }

  async write(header: Headers, content: AsyncIterable<Buffer>): Promise<void> {
    const parts = entryPath(header.name)
    if (!parts) return this.#tally.skip(header.name, 'its name leads out of the folder')
    const path = join(this.#root, ...parts)
    if (!(await this.#parents(parts))) return this.#tally.skip(header.name, 'it lies behind a symbolic link')
    switch (header.type) {
      case 'directory':
        return this.#directory(path, header)
      case 'file':
      case 'contiguous-file':
        return this.#file(path, header, content)
      case 'symlink':
        return this.#symbolicLink(path, header)
      case 'link':
        return this.#hardLink(path, header)
      default:
        return this.#tally.skip(header.name, `a ${header.type} is not copied`)
    }
  }

  async finish(): Promise<void> {
    for (const { path, mode, mtime } of this.#pending.reverse()) {
      await chmod(path, mode & 0o777)
      await utimes(path, mtime, mtime)
    }
  }

  /** Makes the folders above an entry. False when one of them is not a real folder. */
  async #parents(parts: readonly string[]): Promise<boolean> {
    let folder = this.#root
    for (const part of parts.slice(0, -1)) {
      if (!(await this.#realFolder(folder))) return false
      folder = join(folder, part)
    }
    return parts.length === 0 || this.#realFolder(folder)
  }

  async #realFolder(path: string): Promise<boolean> {
    if (this.#folders.has(path)) return true
    const found = await lstat(path).catch(absent)
    if (!found) await mkdir(path)
    // The root is the user's own choice and may be a link; what is below it comes from the archive.
    else if (!found.isDirectory() && path !== this.#root) return false
    this.#folders.add(path)
    return true
  }

  async #directory(path: string, header: Headers): Promise<void> {
    if (!(await this.#realFolder(path))) return this.#tally.skip(header.name, 'something else has its name')
    this.#pending.push({ path, mode: header.mode ?? 0o755, mtime: header.mtime ?? new Date() })
  }

  async #file(path: string, header: Headers, content: AsyncIterable<Buffer>): Promise<void> {
    if (!(await this.#makeRoom(path))) return this.#tally.skip(header.name, 'a folder has its name')
    const mode = (header.mode ?? 0o644) & 0o777
    // `wx`: if a link appeared in the meantime it is not followed.
    const file = await open(path, 'wx', 0o600 | mode)
    try {
      for await (const chunk of content) {
        await file.write(chunk)
        this.#tally.addBytes(chunk.length)
      }
    } finally {
      await file.close()
    }
    await chmod(path, mode)
    if (header.mtime) await utimes(path, header.mtime, header.mtime)
    this.#tally.addFile(header.name)
  }

  async #symbolicLink(path: string, header: Headers): Promise<void> {
    if (!(await this.#makeRoom(path))) return this.#tally.skip(header.name, 'a folder has its name')
    await symlink(header.linkname ?? '', path)
    if (header.mtime) await lutimes(path, header.mtime, header.mtime)
    this.#tally.addFile(header.name)
  }

  async #hardLink(path: string, header: Headers): Promise<void> {
    const parts = entryPath(header.linkname ?? '')
    const target = parts && (await this.#parents(parts)) ? join(this.#root, ...parts) : null
    const found = target ? await lstat(target).catch(absent) : undefined
    if (!target || !found?.isFile())
      return this.#tally.skip(header.name, 'it is a link to something not copied')
    if (!(await this.#makeRoom(path))) return this.#tally.skip(header.name, 'a folder has its name')
    try {
      await link(target, path)
    } catch {
      // A file system without hard links.
      await copyFile(target, path)
    }
    this.#tally.addFile(header.name)
  }

  /** Removes a file or link that has the name. False when a folder has it. */
  async #makeRoom(path: string): Promise<boolean> {
    const found = await lstat(path).catch(absent)
    if (!found) return true
    if (found.isDirectory()) return false
    await unlink(path)
    return true
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw error
}
