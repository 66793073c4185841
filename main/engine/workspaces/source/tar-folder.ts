import { createReadStream, type Stats } from 'node:fs'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ActionReport } from '../operations'
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

/** How much is below a folder, for progress. What cannot be read does not count. */
export async function measureFolder(folder: string, signal: AbortSignal): Promise<Size> {
  let files = 0
  let bytes = 0
  const folders: Buffer[] = [Buffer.from(folder)]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const parent = next
    for (const names of slices(await readdir(parent, { encoding: 'buffer' }).catch(() => []))) {
      signal.throwIfAborted()
      const paths = names.map((name) => below(parent, name))
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
 * are passed on byte for byte. Reads no faster than it is read. Sockets, pipes and devices are left out. The stream is
 * destroyed with the error when a file cannot be read.
 */
export function tarFolder(
  folder: string,
  name: string,
  owner: Owner,
  report: ActionReport,
  size: Size | undefined,
  signal: AbortSignal,
): Readable {
  const walker = new Walker(owner, report, size, signal)
  const content = walker.stream(Buffer.from(folder), Buffer.from(name))
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
  #reportedAt = 0

  constructor(owner: Owner, report: ActionReport, size: Size | undefined, signal: AbortSignal) {
    this.#owner = owner
    this.#report = report
    this.#size = size
    this.#signal = signal
  }

  /** All of it, small entries put together. */
  async *stream(folder: Buffer, name: Buffer): AsyncGenerator<Buffer> {
    this.#top = name.length + 1
    let held: Buffer[] = []
    let length = 0
    for await (const chunk of this.#entry(await look(folder, name))) {
      held.push(chunk)
      length += chunk.length
      if (length < piece) continue
      yield Buffer.concat(held, length)
      held = []
      length = 0
    }
    this.#report.result(this.#files === 1 ? '1 file' : `${this.#files} files`)
    this.#report.progress({ current: this.#bytes, total: this.#bytes, unit: 'bytes' })
    yield Buffer.concat([...held, tarEnd])
  }

  async *#entry(looked: Looked): AsyncGenerator<Buffer> {
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
    this.#files += 1
    this.#tell(name)
    if (stats.isDirectory()) {
      yield tarHeader({ ...fields, type: 'directory' })
      const names = (await readdir(path, { encoding: 'buffer' })).sort(Buffer.compare)
      for (const slice of slices(names)) {
        this.#signal.throwIfAborted()
        const children = await Promise.all(slice.map((child) => look(below(path, child), below(name, child))))
        for (const child of children) yield* this.#entry(child)
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

function below(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name])
}

function* slices<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += together) yield all.slice(from, from + together)
}
