import { type Reader, SshProtocolError, Writer } from '../ssh/wire'

/** SFTP, version 3 (draft-ietf-secsh-filexfer-02): types of packets, section 3. */
export const packet = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  setstat: 9,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attributes: 105,
} as const

/** Section 7. */
export const status = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  unsupported: 8,
} as const

/** Section 6.3. */
export const openFlag = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const

/** Section 5. */
const attribute = { size: 1, owner: 2, permissions: 4, times: 8, extended: 0x8000_0000 } as const
/** `st_mode`, as Linux has it (inode(7)). */
const TYPE_MASK = 0o170_000

export type FileKind = 'file' | 'folder' | 'link' | 'other'

const kinds: ReadonlyMap<number, FileKind> = new Map([
  [0o100_000, 'file'],
  [0o040_000, 'folder'],
  [0o120_000, 'link'],
])

export interface FileAttributes {
  readonly kind: FileKind
  /** Bytes. */
  readonly size: number
  /** Permission bits, set-id and sticky included. */
  readonly mode: number
  /** Milliseconds since the epoch; SFTP knows whole seconds. */
  readonly modified: number
  readonly uid: number
  readonly gid: number
}

/** Bytes and counts beyond this are no numbers of JavaScript any more, and of no file. */
export function readUint64(reader: Reader): number {
  const value = reader.uint32() * 0x1_0000_0000 + reader.uint32()
  if (!Number.isSafeInteger(value)) throw new SshProtocolError('a size beyond all bounds')
  return value
}

export function uint64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

export function readAttributes(reader: Reader): FileAttributes {
  const flags = reader.uint32()
  const size = flags & attribute.size ? readUint64(reader) : 0
  const [uid, gid] = flags & attribute.owner ? [reader.uint32(), reader.uint32()] : [0, 0]
  const mode = flags & attribute.permissions ? reader.uint32() : 0
  let modified = 0
  if (flags & attribute.times) {
    reader.uint32()
    modified = reader.uint32() * 1000
  }
  if (flags & attribute.extended) {
    for (let count = reader.uint32(); count > 0; count -= 1) {
      reader.string()
      reader.string()
    }
  }
  return { kind: kinds.get(mode & TYPE_MASK) ?? 'other', size, mode: mode & 0o7777, modified, uid, gid }
}

/** What is to be set; nothing else is touched. */
export interface AttributeChange {
  readonly mode?: number
  /** Milliseconds since the epoch. */
  readonly modified?: number
}

export function attributesOf({ mode, modified }: AttributeChange): Buffer {
  const hasMode = mode !== undefined
  const hasTimes = modified !== undefined
  const writer = new Writer().uint32((hasMode ? attribute.permissions : 0) | (hasTimes ? attribute.times : 0))
  if (hasMode) writer.uint32(mode & 0o7777)
  if (hasTimes) {
    const seconds = Math.min(0xffff_ffff, Math.max(0, Math.floor(modified / 1000)))
    writer.uint32(seconds).uint32(seconds)
  }
  return writer.done()
}
