import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { extract, type Headers } from 'tar-stream'
import { ProblemError } from '#contract'
import type { RepositoryReader } from '../../definitions/index'
import { leadsOut, tooLarge } from '../git'

/** Opens a tar stream of a path in a workspace; rejects with `file-not-found` where there is none. */
export type ReadPath = (path: string, signal: AbortSignal) => Promise<Readable>

type Visit = (header: Headers, entry: AsyncIterable<unknown>) => Promise<boolean> | boolean

/** Visits what is at a path until `visit` says that it has enough; false where there is nothing. */
async function scanPath(path: string, read: ReadPath, visit: Visit, signal: AbortSignal): Promise<boolean> {
  let stream: Readable
  try {
    stream = await read(path, signal)
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'file-not-found') return false
    throw error
  }
  const entries = extract()
  stream.on('error', (error) => entries.destroy(error))
  stream.pipe(entries)
  try {
    for await (const entry of entries) {
      if (await visit(entry.header, entry)) break
      entry.resume()
    }
  } finally {
    stream.destroy()
    entries.destroy()
  }
  return true
}

/** Whether there is something at a path of a workspace, other than an empty folder. */
export async function isTaken(path: string, read: ReadPath, signal: AbortSignal): Promise<boolean> {
  let taken = false
  let seen = 0
  await scanPath(
    path,
    read,
    ({ type }) => {
      seen += 1
      taken = type !== 'directory' || seen > 1
      return taken
    },
    signal,
  )
  return taken
}

/** The source as it is now in the workspace's own volume. Folders are listed by the heads of their tar stream. */
export function volumeReader(root: string, read: ReadPath, signal: AbortSignal): RepositoryReader {
  const scan = (path: string, visit: Visit) => scanPath(posix.join(root, path), read, visit, signal)
  return {
    async read(path, limit) {
      let bytes: Uint8Array | undefined
      await scan(path, async (header, entry) => {
        if (header.type === 'symlink') throw leadsOut(path)
        if (header.type !== 'file') return true
        if ((header.size ?? 0) > limit) throw tooLarge(path, limit)
        const chunks: Buffer[] = []
        for await (const chunk of entry) chunks.push(chunk as Buffer)
        bytes = Buffer.concat(chunks)
        return true
      })
      return bytes
    },
    exists: (path) => scan(path, () => true),
    async list(folder) {
      const names = new Set<string>()
      let seen = 0
      await scan(folder, (header) => {
        // The first part is the folder's own name. A definition's folder is small; what is not is not searched.
        const name = header.name.replace(/^\.?\//, '').split('/')[1]
        if (name) names.add(name)
        seen += 1
        return seen > 10_000
      })
      return [...names].sort()
    },
  }
}
