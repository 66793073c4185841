import { posix } from 'node:path'
import { type FilePreview, type FileRecord, type FolderListing, problem } from '#contract'
import type { FileEntry, FileSession } from '../link/link'
import { removeTree } from './tree'

/** Entries of a folder that are shown. */
const LIST_LIMIT = 10_000
/** Links of a folder of which it is told what they lead to. */
const LINK_LIMIT = 500
/** Bytes of a text, and of a picture, that are shown. */
const TEXT_LIMIT = 256 * 1024
const IMAGE_LIMIT = 8 * 1024 * 1024

export async function listFolder(session: FileSession, path: string): Promise<FolderListing> {
  const folder = posix.resolve('/', path)
  const { entries, truncated } = await session.list(folder, LIST_LIMIT)
  let links = 0
  const records = await Promise.all(
    entries.map(async (entry) => {
      if (entry.kind !== 'link' || links >= LINK_LIMIT) return recordOf(entry)
      links += 1
      // One that leads to where this user may not look is a link to nothing for them.
      const target = await session.stat(posix.join(folder, entry.name)).catch(() => undefined)
      return target ? { ...recordOf(entry), target: target.kind, size: target.size } : recordOf(entry)
    }),
  )
  const order = new Intl.Collator(undefined, { numeric: true })
  const isFolder = ({ kind, target }: FileRecord) => (target ?? kind) === 'folder'
  records.sort((a, b) => Number(isFolder(b)) - Number(isFolder(a)) || order.compare(a.name, b.name))
  return { path: folder, entries: records, truncated }
}

function recordOf({ name, kind, size, modified, mode }: FileEntry): FileRecord {
  return { name, kind, size, modified, mode }
}

/** Beginnings of what is shown as a picture. */
const images: readonly {
  readonly mediaType: string
  readonly magic: readonly number[]
  readonly at?: number
}[] = [
  { mediaType: 'image/png', magic: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { mediaType: 'image/jpeg', magic: [0xff, 0xd8, 0xff] },
  { mediaType: 'image/gif', magic: [0x47, 0x49, 0x46, 0x38] },
  { mediaType: 'image/webp', magic: [0x57, 0x45, 0x42, 0x50], at: 8 },
]

export async function previewFile(session: FileSession, path: string): Promise<FilePreview> {
  const facts = await session.stat(path)
  if (!facts)
    throw problem({
      code: 'file-not-found',
      title: `“${posix.basename(path)}” cannot be shown`,
      cause: 'There is no such file in the workspace any more, or it is a link to nothing.',
      remedy: 'Look at its folder again.',
    })
  const { kind, size } = facts
  if (kind !== 'file') return { kind: 'none', reason: 'special', size }
  const beginning = await readUpTo(session, path, TEXT_LIMIT)
  const image = images.find(({ magic, at = 0 }) =>
    magic.every((byte, index) => beginning[at + index] === byte),
  )
  if (image && size > IMAGE_LIMIT) return { kind: 'none', reason: 'large', size }
  if (image) {
    const rest = await readUpTo(session, path, IMAGE_LIMIT - beginning.length, beginning.length)
    const data = new Uint8Array(Buffer.concat([beginning, rest]))
    return { kind: 'image', mediaType: image.mediaType, data, size }
  }
  const text = textOf(beginning, size > beginning.length)
  if (text === undefined) return { kind: 'none', reason: 'binary', size }
  return { kind: 'text', text, truncated: size > beginning.length, size }
}

async function readUpTo(session: FileSession, path: string, length: number, offset = 0): Promise<Buffer> {
  const pieces: Buffer[] = []
  if (length > 0) for await (const piece of session.read(path, offset, length)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Undefined where it is no text in UTF-8. */
function textOf(bytes: Buffer, isCut: boolean): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    // A character that the cut went through is left out.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut })
  } catch {
    return undefined
  }
}

export async function renameFile(session: FileSession, path: string, name: string): Promise<void> {
  const to = posix.join(posix.dirname(path), name)
  if (to === path) return
  if (await session.lstat(to))
    throw problem({
      code: 'name-taken',
      title: `“${posix.basename(path)}” could not be renamed`,
      cause: `There is a “${name}” in the folder already.`,
      remedy: 'Choose another name.',
    })
  await session.rename(path, to)
}

export async function deleteFiles(
  session: FileSession,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const whole = paths.map((path) => posix.resolve('/', path))
  if (whole.includes('/'))
    throw problem({
      code: 'invalid-input',
      title: 'That cannot be deleted',
      cause: 'It is the root folder of the workspace.',
      remedy: 'Choose what is in it.',
    })
  for (const path of whole) await removeTree(session, path, signal)
}
