import type { Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { extract as tarExtract, pack as tarPack } from 'tar-stream'
import { drained, feed, readableOf } from './tar/streams'

/**
 * Bytes from which on a file goes as a tar stream over the driver first: that carries several times as much in the same
 * time as SFTP, which goes through more processes and is encrypted, but takes longer to begin. Where it breaks, SFTP
 * goes on.
 */
export const BULK = 8 * 1024 * 1024

/** What the one file of a tar stream holds; nothing where it is no file. Rejects when the stream breaks. */
export async function* contentOf(tar: Readable, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const entries = tarExtract()
  // Ends with an error as soon as the loop below has seen enough, or tells it of one.
  const feeding = feed(tar, entries, signal)
  feeding.catch(() => undefined)
  try {
    for await (const entry of entries) {
      if (entry.header.type === 'file') yield* entry as AsyncIterable<Buffer>
      return
    }
  } finally {
    entries.destroy()
    tar.destroy()
  }
}

export interface OneFile {
  /** Where it is unpacked, absolute. */
  readonly path: string
  readonly size: number
  readonly uid: number
  readonly gid: number
  readonly content: AsyncIterable<Buffer>
  /** Gets all that is read. */
  readonly hash: Hash
  readonly onRead: (bytes: number) => void
}

/** A tar stream of one file, to be unpacked at `/`. Its failure is that of the content. */
export function tarOf(file: OneFile): Readable {
  const tar = tarPack()
  const work = async () => {
    const { path, size, uid, gid } = file
    const header = { name: path.slice(1), type: 'file' as const, size, mode: 0o600, uid, gid }
    const finished = new Promise<void>((resolve, reject) => {
      const entry = tar.entry(header, (error) => (error ? reject(error) : resolve()))
      entry.on('error', () => undefined)
      const fill = async () => {
        for await (const chunk of file.content) {
          file.hash.update(chunk)
          file.onRead(chunk.length)
          if (!entry.write(chunk)) await drained(entry)
        }
        entry.end()
      }
      fill().catch(reject)
    })
    await finished
    tar.finalize()
  }
  work().catch((error: Error) => tar.destroy(error))
  return readableOf(tar)
}
