import type { Readable } from 'node:stream'
import { type Headers, extract as tarExtract } from 'tar-stream'
import { Pause } from './pause'
import { feed } from './streams'
import type { Tally } from './tally'
import { SMALL, TreeWriter } from './writer'

/**
 * Unpacks a tar stream, whose entries all lie under one top name, so that the top becomes `root`.
 *
 * The stream comes from a workspace, which may be hostile: see {@link TreeWriter} for what it cannot do.
 */
export async function extract(tar: Readable, root: string, tally: Tally, signal: AbortSignal): Promise<void> {
  const writer = new TreeWriter(root, tally)
  const entries = tarExtract()
  const pause = new Pause()
  const done = new Promise<void>((resolve, reject) => {
    entries.on('entry', (header, entry, next) => {
      const failed = (error: unknown) =>
        entries.destroy(error instanceof Error ? error : new Error(String(error)))
      const after = () => {
        if (!pause.isDue) next()
        else pause.now().then(() => next(), failed)
      }
      // Told by `entries` as well.
      entry.on('error', () => undefined)
      if ((header.size ?? 0) > SMALL) {
        const over = new Promise((close) => entry.on('close', close))
        const written = writer.write(header, entry as AsyncIterable<Buffer>)
        written
          .then(() => {
            // What was left out is read all the same.
            entry.resume()
            return over
          })
          .then(after, failed)
        return
      }
      const pieces: Buffer[] = []
      entry.on('data', (piece: Buffer) => pieces.push(piece))
      entry.on('end', () => {
        try {
          writer.writeWhole(header, pieces)
        } catch (error) {
          return failed(error)
        }
        after()
      })
    })
    entries.on('finish', resolve)
    entries.on('error', reject)
    entries.on('close', () => reject(new Error('The tar stream was closed early')))
  })
  // Its error reaches who waits below through `entries`; this only keeps it from counting as unhandled.
  const feeding = feed(tar, entries, signal)
  feeding.catch(() => undefined)
  try {
    await Promise.all([done, feeding])
  } finally {
    entries.destroy()
    tar.destroy()
  }
  await writer.finish()
}

export type { Headers }
