import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { cancelled, type ProblemError, problem } from '#contract'

/** A Feature's files by their paths, which are relative, normal and inside of its folder. */
export type FeatureFiles = ReadonlyMap<string, Uint8Array>

/** The most that a Feature may hold: bytes of all its files, files, and characters of a path. */
export const archiveLimits = { bytes: 64 * 1024 * 1024, files: 5000, path: 500 } as const

/**
 * Unpacks a `.tar` or `.tar.gz` that may be hostile, in memory. Links to files of the archive become copies; links
 * that lead out, devices and pipes are refused. `what` begins a sentence. Rejects with `feature-invalid` or
 * `cancelled`.
 */
export async function unpack(archive: Uint8Array, what: string, signal: AbortSignal): Promise<FeatureFiles> {
  const files = new Map<string, Uint8Array>()
  const links: { readonly path: string; readonly target: string }[] = []
  const entries = extract()
  let entriesSeen = 0
  let total = 0
  /** Padding, headers and folders are no files, and take time as well. */
  let raw = 0
  const refuse = (cause: string) => invalidArchive(what, cause)
  const bounded = async function* (source: AsyncIterable<Uint8Array>) {
    for await (const chunk of source) {
      raw += chunk.length
      if (raw > 2 * archiveLimits.bytes) throw refuse('It unpacks to more than Berth takes.')
      yield chunk
    }
  }
  const isCompressed = archive[0] === 0x1f && archive[1] === 0x8b
  const source = Readable.from([Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength)])
  const packed = isCompressed
    ? pipeline(source, createGunzip(), bounded, entries, { signal })
    : pipeline(source, bounded, entries, { signal })
  const read = async () => {
    for await (const entry of entries) {
      const { type, name, linkname } = entry.header
      entriesSeen += 1
      if (entriesSeen > archiveLimits.files) throw refuse(`It has more than ${archiveLimits.files} files.`)
      const path = insidePath(name)
      if (path === undefined)
        throw refuse(`It has a file that would be outside of its folder: ${quote(name)}.`)
      if (type === 'file' || type === 'contiguous-file') {
        if (path === '.') throw refuse('It has a file without a name.')
        const chunks: Uint8Array[] = []
        for await (const chunk of entry as AsyncIterable<Uint8Array>) {
          total += chunk.length
          if (total > archiveLimits.bytes) throw refuse('It unpacks to more than Berth takes.')
          chunks.push(chunk)
        }
        files.set(path, Buffer.concat(chunks))
        continue
      }
      if (type === 'symlink' || type === 'link') {
        const from = type === 'symlink' ? posix.dirname(path) : '.'
        const target = linkname?.startsWith('/') ? undefined : insidePath(posix.join(from, linkname ?? ''))
        if (target === undefined) throw refuse(`Its link ${quote(name)} leads out of its folder.`)
        links.push({ path, target })
      } else if (type !== 'directory' && !/^pax|^gnu/.test(type ?? '')) {
        throw refuse(`${quote(name)} is neither a file nor a folder.`)
      }
      entry.resume()
    }
  }
  try {
    // Either one ends the other: an error of the source reaches the entries, and one here stops the source.
    await Promise.all([
      packed,
      read().catch((error) => {
        entries.destroy(error instanceof Error ? error : undefined)
        throw error
      }),
    ])
  } catch (error) {
    if (signal.aborted) throw cancelled('Unpacking a Feature')
    if (error instanceof Error && error.name === 'ProblemError') throw error
    throw invalidArchive(what, 'It is no whole tar archive.', error)
  }
  for (const link of links) total += follow(link, links, files, refuse, total)
  return withoutClashes(files, refuse)
}

function follow(
  link: { readonly path: string; readonly target: string },
  links: readonly { readonly path: string; readonly target: string }[],
  files: Map<string, Uint8Array>,
  refuse: (cause: string) => ProblemError,
  total: number,
): number {
  let target = link.target
  for (let steps = 0; !files.has(target) && steps < 8; steps++) {
    const next = links.find(({ path }) => path === target)
    if (!next) break
    target = next.target
  }
  const content = files.get(target)
  if (!content) throw refuse(`Its link ${quote(link.path)} leads to no file.`)
  if (total + content.length > archiveLimits.bytes) throw refuse('It unpacks to more than Berth takes.')
  files.set(link.path, content)
  return content.length
}

/** Refuses what no file system can hold: a path that is a file and a folder at once. */
export function withoutClashes(
  files: ReadonlyMap<string, Uint8Array>,
  refuse: (cause: string) => ProblemError,
): FeatureFiles {
  for (const path of files.keys()) {
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) {
      if (files.has(folder)) throw refuse(`${quote(folder)} is a file and a folder at once.`)
    }
  }
  return files
}

/** A path of an archive, normalised; undefined when it leads out, or is none that every system can have. */
function insidePath(name: string): string | undefined {
  if (name.length > archiveLimits.path || /[\0\n\r\\]/.test(name) || /^(?:\/|[A-Za-z]:)/.test(name)) {
    return undefined
  }
  const normal = posix.normalize(name).replace(/\/$/, '')
  if (normal === '..' || normal.startsWith('../')) return undefined
  return normal === '' ? '.' : normal
}

function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}

function invalidArchive(what: string, cause: string, error?: unknown): ProblemError {
  return problem(
    {
      code: 'feature-invalid',
      title: `${what} cannot be unpacked`,
      cause,
      remedy: 'Take another version of it, or tell whoever publishes it.',
      ...(error instanceof Error ? { detail: error.message } : {}),
    },
    error,
  )
}
