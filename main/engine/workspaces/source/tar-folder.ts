import { createReadStream, type Stats } from 'node:fs'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ActionReport } from '../operations'
import { joinBytes, type Selected, type Selection } from './selection'
import { tarEnd, tarHeader, tarPadding } from './tar-entry'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

interface Size {
  readonly files: number
  readonly bytes: number
}

/** Files up to this length are read whole, several at once; in bytes. */
const smallFile = 64 * 1024
/** How many entries of a folder are looked at together: together at most 1 MB. */
const together = 16
/** Small entries are handed on in pieces of about this length, in bytes. */
const piece = 256 * 1024

/** How much is below a folder, or what is selected of it, for progress. What cannot be read does not count. */
export async function measureFolder(
  folder: string,
  signal: AbortSignal,
  selection?: Selection,
): Promise<Size> {
  const root = Buffer.from(folder)
  if (!selection) return measureWhole(root, signal)
  let files = 0
  let bytes = 0
  for await (const { path, whole } of selection.entries(signal)) {
    const full = joinBytes(root, path)
    const stats = await lstat(full).catch(() => undefined)
    files += 1
    if (stats?.isFile()) bytes += stats.size
    if (!whole || !stats?.isDirectory()) continue
    const inside = await measureWhole(full, signal)
    files += inside.files
    bytes += inside.bytes
  }
  return { files, bytes }
}

async function measureWhole(root: Buffer, signal: AbortSignal): Promise<Size> {
  let files = 0
  let bytes = 0
  const folders: Buffer[] = [root]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const parent = next
    for (const names of slices(await readdir(parent, { encoding: 'buffer' }).catch(() => []))) {
      signal.throwIfAborted()
      const paths = names.map((name) => joinBytes(parent, name))
      const found = await Promise.all(paths.map((path) => lstat(path).catch(() => undefined)))
      for (const [index, path] of paths.entries()) {
        const stats = found[index]
        files += 1
        if (stats?.isDirectory()) folders.push(path)
        else if (stats?.isFile()) bytes += stats.size
      }
    }
  }
  return { files, bytes }
}

/**
 * A folder as a tar stream whose entries lie below `name`, all of one owner, with their modes, links and times. Names
 * are passed on byte for byte. Reads no faster than it is read. Sockets, pipes and devices are left out, and told. The
 * stream is destroyed with the error when a file cannot be read.
 */
export function tarFolder(
  folder: string,
  name: string,
  owner: Owner,
  report: ActionReport,
  size: Size | undefined,
  signal: AbortSignal,
  /** Absent: everything. */
  selection?: Selection,
): Readable {
  const walker = new Walker(owner, report, size, signal)
  const content = walker.stream(Buffer.from(folder), Buffer.from(name), selection)
  const stream = Readable.from(content, { objectMode: false, highWaterMark: 512 * 1024 })
  const onAbort = () => stream.destroy(signal.reason instanceof Error ? signal.reason : new Error('Aborted'))
  signal.addEventListener('abort', onAbort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', onAbort))
  // Whoever reads the stream hears of the error there; this keeps one that comes too early from being nobody's.
  stream.on('error', () => undefined)
  return stream
}

/** An entry of a folder with what can be told of it before its turn comes. */
interface Looked {
  readonly path: Buffer
  readonly name: Buffer
  readonly stats: Stats
  readonly target?: Buffer
  /** A small file's content. */
  readonly content?: Buffer
}

class Walker {
  readonly #owner: Owner
  readonly #report: ActionReport
  readonly #size: Size | undefined
  readonly #signal: AbortSignal
  /** Bytes of an entry's name that stand before its path in the folder. */
  #top = 0
  #bytes = 0
  #files = 0
  #leftOut = 0
  #reportedAt = 0

  constructor(owner: Owner, report: ActionReport, size: Size | undefined, signal: AbortSignal) {
    this.#owner = owner
    this.#report = report
    this.#size = size
    this.#signal = signal
  }

  /** All of it, small entries put together. */
  async *stream(folder: Buffer, name: Buffer, selection: Selection | undefined): AsyncGenerator<Buffer> {
    this.#top = name.length + 1
    let held: Buffer[] = []
    let length = 0
    const content = selection
      ? this.#selected(folder, name, selection)
      : this.#entry(await look(folder, name), true)
    for await (const chunk of content) {
      held.push(chunk)
      length += chunk.length
      if (length < piece) continue
      yield Buffer.concat(held, length)
      held = []
      length = 0
    }
    const files = this.#files === 1 ? '1 file' : `${this.#files} files`
    this.#report.result(this.#leftOut === 0 ? files : `${files}; ${this.#leftOut} left out, see the log`)
    this.#report.progress({ current: this.#bytes, total: this.#bytes, unit: 'bytes' })
    yield Buffer.concat([...held, tarEnd])
  }

  /** Each folder comes before what lies in it; one that the selection comes back to, again. */
  async *#selected(folder: Buffer, name: Buffer, selection: Selection): AsyncGenerator<Buffer> {
    yield* this.#entry(await look(folder, name), false)
    let inside: Buffer = Buffer.alloc(0)
    for await (const chosen of batches(selection.entries(this.#signal))) {
      const looks = chosen.map(({ path }) => look(joinBytes(folder, path), joinBytes(name, path)))
      const all = await Promise.all(looks)
      for (const [index, looked] of all.entries()) {
        const { path, whole } = chosen[index] as Selected
        const parent = path.subarray(0, Math.max(0, path.lastIndexOf('/')))
        if (!parent.equals(inside)) {
          for (const missing of parentsOf(parent, inside)) {
            yield* this.#entry(await look(joinBytes(folder, missing), joinBytes(name, missing)), false)
          }
        }
        inside = looked.stats.isDirectory() && !whole ? path : parent
        yield* this.#entry(looked, whole)
      }
    }
  }

  async *#entry(looked: Looked, whole: boolean): AsyncGenerator<Buffer> {
    this.#signal.throwIfAborted()
    const { path, name, stats, target } = looked
    const fields = {
      name,
      // Windows tells no modes: what git checks out there may as well be executable.
      mode: process.platform === 'win32' ? 0o755 : stats.mode & 0o7777,
      modified: stats.mtime,
      uid: this.#owner.uid,
      gid: this.#owner.gid,
      size: 0,
    }
    const kind = oddKind(stats)
    if (kind !== undefined) {
      this.#leftOut += 1
      this.#report.output(`Left out, as it is ${kind}: ${name.toString('utf8', this.#top)}\n`)
      return
    }
    this.#files += 1
    this.#tell(name)
    if (stats.isDirectory()) {
      yield tarHeader({ ...fields, type: 'directory' })
      if (!whole) return
      const names = (await readdir(path, { encoding: 'buffer' })).sort(Buffer.compare)
      for (const slice of slices(names)) {
        this.#signal.throwIfAborted()
        const children = await Promise.all(
          slice.map((child) => look(joinBytes(path, child), joinBytes(name, child))),
        )
        for (const child of children) yield* this.#entry(child, true)
      }
    } else if (target !== undefined) yield tarHeader({ ...fields, type: 'symlink', target })
    else if (stats.isFile()) {
      yield tarHeader({ ...fields, type: 'file', size: stats.size })
      yield* this.#content(looked)
      yield tarPadding(stats.size)
    }
  }

  /**
   * A file that grows while it is read gives what its header promised; one that shrinks is filled up with zeros, as
   * tar itself does.
   */
  async *#content({ path, name, stats: { size }, content }: Looked): AsyncGenerator<Buffer> {
    let read = 0
    const chunks: Iterable<Buffer> | AsyncIterable<Buffer> =
      content !== undefined
        ? [content.subarray(0, size)]
        : createReadStream(path, { end: size - 1, highWaterMark: piece })
    for await (const chunk of chunks) {
      read += chunk.length
      this.#bytes += chunk.length
      this.#tell(name)
      yield chunk
    }
    for (; read < size; read += smallFile) yield Buffer.alloc(Math.min(size - read, smallFile))
  }

  #tell(name: Buffer): void {
    // Enough for an eye; the owner of the step coalesces further.
    if (Date.now() - this.#reportedAt < 50) return
    this.#reportedAt = Date.now()
    this.#report.detail(name.toString('utf8', this.#top))
    this.#report.progress({
      current: this.#bytes,
      ...(this.#size ? { total: Math.max(this.#size.bytes, this.#bytes) } : {}),
      unit: 'bytes',
    })
  }
}

async function look(path: Buffer, name: Buffer): Promise<Looked> {
  const stats = await lstat(path)
  if (stats.isSymbolicLink()) {
    const target = await readlink(path, { encoding: 'buffer' })
    return {
      path,
      name,
      stats,
      target: process.platform === 'win32' ? Buffer.from(target.toString().replaceAll('\\', '/')) : target,
    }
  }
  if (stats.isFile() && stats.size <= smallFile) {
    // What tells no length (/proc) has no end that could be relied on.
    const content = stats.size > 0 ? await readFile(path) : Buffer.alloc(0)
    return { path, name, stats, content }
  }
  return { path, name, stats }
}

/** What a tar stream of a source has no place for. */
function oddKind(stats: Stats): string | undefined {
  if (stats.isSocket()) return 'a socket'
  if (stats.isFIFO()) return 'a pipe'
  return stats.isBlockDevice() || stats.isCharacterDevice() ? 'a device' : undefined
}

/** `path` and the folders that lead to it, outermost first, without those that lead to `known` as well. */
function parentsOf(path: Buffer, known: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const parent = path.subarray(0, end)
    const shared = known.subarray(0, end).equals(parent) && (known.length === end || known[end] === 0x2f)
    if (shared) break
    found.unshift(parent)
  }
  return found
}

function* slices<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += together) yield all.slice(from, from + together)
}

async function* batches<T>(all: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  let batch: T[] = []
  for await (const one of all) {
    batch.push(one)
    if (batch.length < together) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
