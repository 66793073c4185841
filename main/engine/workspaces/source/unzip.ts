import { createWriteStream } from 'node:fs'
import { chmod, mkdir, symlink } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { openPromise } from 'yauzl'
import { insideRepository } from '../../definitions/index'

/** What an archive may come to: what it holds can be thousands of times as large as itself. */
export interface UnzipLimits {
  readonly entries: number
  /** Of all files together. */
  readonly bytes: number
}

/** Bytes of the path that a link leads to. */
const LONGEST_TARGET = 4096
const [FILE_KINDS, LINK] = [0o170000, 0o120000]

/**
 * Unpacks a zip archive that comes from anywhere, and so may be hostile, into a new folder. A folder that everything
 * lies in, as archives of forges have it, is dropped. Nothing is written outside: links are made last, so that nothing
 * can be written through them, and a link that leads out is left out. Rejects with an Error that says why in a sentence.
 */
export async function unzip(
  file: string,
  folder: string,
  limits: UnzipLimits,
  signal: AbortSignal,
): Promise<void> {
  const top = await onlyFolder(file, limits)
  await mkdir(folder, { recursive: true })
  const links: { readonly path: string; readonly target: string; readonly from: string }[] = []
  let bytes = 0
  const zip = await openPromise(file, { strictFileNames: true })
  try {
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted()
      const name = top === undefined ? entry.fileName : entry.fileName.slice(top.length + 1)
      const inside = insideRepository('.', name || '.')
      if (inside === undefined)
        throw new Error(`it holds ${JSON.stringify(entry.fileName)}, which leads out of it`)
      const path = join(folder, inside)
      if (entry.fileName.endsWith('/')) {
        await mkdir(path, { recursive: true })
        continue
      }
      const mode = entry.externalFileAttributes >>> 16
      const isLink = (mode & FILE_KINDS) === LINK
      const stream = await zip.openReadStreamPromise(entry)
      if (isLink) {
        const target = await textOf(stream, LONGEST_TARGET)
        links.push({ path, target, from: inside })
        continue
      }
      await mkdir(dirname(path), { recursive: true })
      const counted = new Transform({
        transform(part: Buffer, _, done) {
          bytes += part.length
          done(bytes > limits.bytes ? new Error('what it holds is too large') : null, part)
        },
      })
      await pipeline(stream, counted, createWriteStream(path), { signal })
      if (mode !== 0) await chmod(path, (mode & 0o777) | 0o600)
    }
  } finally {
    zip.close()
  }
  for (const { path, target, from } of links) {
    if (insideRepository(posix.dirname(from), target) === undefined) continue
    await mkdir(dirname(path), { recursive: true })
    await symlink(target, path)
  }
}

/** The folder that all entries lie in; undefined where there is none. Rejects where there are too many. */
async function onlyFolder(file: string, { entries }: UnzipLimits): Promise<string | undefined> {
  const zip = await openPromise(file, { strictFileNames: true })
  const tops = new Set<string>()
  let count = 0
  try {
    for await (const { fileName } of zip.eachEntry()) {
      count += 1
      if (count > entries) throw new Error(`it holds more than ${entries} files`)
      const at = fileName.indexOf('/')
      tops.add(at < 0 ? '' : fileName.slice(0, at))
    }
  } finally {
    zip.close()
  }
  const [top] = tops
  return tops.size === 1 && top ? top : undefined
}

async function textOf(stream: AsyncIterable<unknown>, limit: number): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of stream) {
    length += (part as Buffer).length
    if (length > limit) throw new Error('it holds a link to a path that is too long')
    parts.push(part as Buffer)
  }
  return Buffer.concat(parts).toString('utf8')
}
