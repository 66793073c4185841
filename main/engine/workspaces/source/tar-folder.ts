import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type Headers, type Pack, pack } from 'tar-stream'
import { toProblem } from '#contract'
import type { StepReport } from '../../drivers/driver'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

interface Size {
  readonly files: number
  readonly bytes: number
}

/** How much is below a folder, for progress. What cannot be read does not count. */
export async function measureFolder(folder: string, signal: AbortSignal): Promise<Size> {
  let files = 0
  let bytes = 0
  const folders = [folder]
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    signal.throwIfAborted()
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      const path = join(next, entry.name)
      files += 1
      if (entry.isDirectory()) folders.push(path)
      else if (entry.isFile()) bytes += (await lstat(path).catch(() => undefined))?.size ?? 0
    }
  }
  return { files, bytes }
}

/**
 * A folder as a tar stream whose entries lie below `name`, all of one owner, with their modes, links and times. Reads
 * no faster than it is read. Sockets, pipes and devices are left out. The stream is destroyed with the error when a
 * file cannot be read.
 */
export function tarFolder(
  folder: string,
  name: string,
  owner: Owner,
  report: StepReport,
  size: Size | undefined,
  signal: AbortSignal,
): Readable {
  const out = pack()
  let bytes = 0
  let files = 0
  let reported = 0
  const tell = (path: string) => {
    // Enough for an eye; the owner of the step coalesces further.
    if (Date.now() - reported < 50) return
    reported = Date.now()
    report.detail(path)
    report.progress({
      current: bytes,
      ...(size ? { total: Math.max(size.bytes, bytes) } : {}),
      unit: 'bytes',
    })
  }

  /** Writes one entry; resolves once it has been taken. */
  const add = async (header: Headers, content?: AsyncIterable<Buffer>) => {
    let fail: (error: Error) => void = () => undefined
    let entry: ReturnType<Pack['entry']> | undefined
    const taken = new Promise<void>((resolve, reject) => {
      fail = reject
      entry = out.entry(header, (error) => (error ? reject(error) : resolve()))
    })
    // Awaited below; marked as handled for the case that writing fails first.
    taken.catch(() => undefined)
    try {
      for await (const chunk of content ?? []) if (entry && !entry.write(chunk)) await drained(entry)
      entry?.end()
    } catch (error) {
      entry?.destroy()
      fail(error instanceof Error ? error : new Error(String(error)))
    }
    await taken
  }

  /**
   * A file that grows while it is read gives what its header promised; one that shrinks is filled up with zeros, as
   * tar itself does.
   */
  const contentOf = async function* (path: string, name: string, length: number): AsyncGenerator<Buffer> {
    let read = 0
    for await (const chunk of createReadStream(path, { end: length - 1, highWaterMark: 256 * 1024 })) {
      read += (chunk as Buffer).length
      bytes += (chunk as Buffer).length
      tell(name)
      yield chunk as Buffer
    }
    for (; read < length; read += 64 * 1024) yield Buffer.alloc(Math.min(length - read, 64 * 1024))
  }

  const walk = async (path: string, entryName: string): Promise<void> => {
    signal.throwIfAborted()
    const found = await lstat(path)
    // Windows tells no modes: what git checks out there may as well be executable.
    const mode = process.platform === 'win32' ? 0o755 : found.mode & 0o7777
    const header = { name: entryName, mode, mtime: found.mtime, uid: owner.uid, gid: owner.gid }
    files += 1
    tell(entryName)
    if (found.isDirectory()) {
      await add({ ...header, type: 'directory' })
      for (const child of (await readdir(path)).sort()) await walk(join(path, child), `${entryName}/${child}`)
    } else if (found.isSymbolicLink()) {
      const target = await readlink(path)
      await add({
        ...header,
        type: 'symlink',
        linkname: process.platform === 'win32' ? target.replaceAll('\\', '/') : target,
      })
    } else if (found.isFile()) {
      const content = found.size > 0 ? contentOf(path, entryName, found.size) : undefined
      await add({ ...header, type: 'file', size: found.size }, content)
    }
  }
  const onAbort = () => out.destroy(signal.reason instanceof Error ? signal.reason : new Error('Aborted'))
  signal.addEventListener('abort', onAbort, { once: true })
  out.once('close', () => signal.removeEventListener('abort', onAbort))
  // Whoever reads the stream hears of the error there; this keeps one that comes too early from being nobody's.
  out.on('error', () => undefined)
  walk(folder, name).then(
    () => {
      report.detail(`${files} files`)
      report.progress({ current: bytes, total: bytes, unit: 'bytes' })
      out.finalize()
    },
    (error: unknown) => out.destroy(error instanceof Error ? error : new Error(toProblem(error).cause)),
  )
  return readable(out)
}

function drained(entry: ReturnType<Pack['entry']>): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDrain = () => {
      entry.off('close', onClose)
      resolve()
    }
    const onClose = () => {
      entry.off('drain', onDrain)
      reject(new Error('The stream was closed'))
    }
    entry.once('drain', onDrain)
    entry.once('close', onClose)
  })
}

/** Node's own kind of stream, which reads no faster than it is read and passes errors on. */
function readable(out: Pack): Readable {
  const stream = Readable.from(out as AsyncIterable<Buffer>, { objectMode: false, highWaterMark: 512 * 1024 })
  stream.on('error', () => undefined)
  return stream
}
