import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { extract, type Headers } from 'tar-stream'
import { ProblemError, problem } from '#contract'
import { feed } from '../../main/engine/files/tar/streams'
import type { Link } from '../../main/engine/link/link'

/** As many links as Linux itself follows (path_resolution(7)). */
const LINK_LIMIT = 40

export interface RemoteEntry {
  /** Where it really is: symbolic links at the end of the path are followed. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'other'
  /** Bytes, of a file. */
  readonly size: number
}

/** What there is at a path of a workspace; undefined for nothing. Needs no program inside. */
export async function remoteEntry(
  link: Link,
  path: string,
  signal: AbortSignal,
): Promise<RemoteEntry | undefined> {
  let at = path
  for (let followed = 0; followed < LINK_LIMIT; followed += 1) {
    const header = await firstHeader(link, at, signal)
    if (!header) return undefined
    if (header.type !== 'symlink') {
      const kind = header.type === 'directory' ? 'folder' : header.type === 'file' ? 'file' : 'other'
      return { path: at, kind, size: header.size ?? 0 }
    }
    at = posix.resolve(posix.dirname(at), header.linkname ?? '')
  }
  throw problem({
    code: 'file-not-found',
    title: `${path} cannot be found`,
    cause: `More than ${LINK_LIMIT} symbolic links lead from one to the next.`,
    remedy: 'Give the path that they are meant to lead to.',
  })
}

/** The header of the first entry, without reading on. */
async function firstHeader(link: Link, path: string, signal: AbortSignal): Promise<Headers | undefined> {
  let tar: Readable
  try {
    tar = await link.read(path, signal)
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'file-not-found') return undefined
    throw error
  }
  const entries = extract()
  const feeding = feed(tar, entries)
  // Ends with an error as soon as the loop below has seen enough.
  feeding.catch(() => undefined)
  try {
    for await (const entry of entries) return entry.header
    return undefined
  } finally {
    entries.destroy()
    tar.destroy()
  }
}
