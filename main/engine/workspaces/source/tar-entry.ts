/** One entry of a tar stream. Names are bytes, as file systems have them: they need not be UTF-8. */
export interface TarEntry {
  readonly type: 'file' | 'directory' | 'symlink'
  /** Without a slash at its end, also for a directory. */
  readonly name: Buffer
  readonly mode: number
  readonly modified: Date
  readonly uid: number
  readonly gid: number
  /** Bytes of content that follow; 0 for what is no file. */
  readonly size: number
  /** Where a symbolic link leads. */
  readonly target?: Buffer
}

const blockSize = 512
const typeFlags = { file: '0', directory: '5', symlink: '2', longName: 'L', longTarget: 'K' } as const

/** What stands before an entry's content. In GNU's format, the only one in which a long name may be any bytes. */
export function tarHeader(entry: TarEntry): Buffer {
  const name = entry.type === 'directory' ? Buffer.concat([entry.name, Buffer.from('/')]) : entry.name
  const target = entry.target ?? Buffer.alloc(0)
  return Buffer.concat([
    ...(target.length > 100 ? longText('longTarget', target) : []),
    ...(name.length > 100 ? longText('longName', name) : []),
    block(entry, typeFlags[entry.type], name, target),
  ])
}

/** Zeros up to the next whole block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize)
}

/** What stands after the last entry. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockSize)

function longText(type: 'longName' | 'longTarget', text: Buffer): Buffer[] {
  const size = text.length + 1
  const fields = { mode: 0, modified: new Date(0), uid: 0, gid: 0, size }
  const header = block(fields, typeFlags[type], Buffer.from('././@LongLink'), Buffer.alloc(0))
  return [header, text, Buffer.alloc(1), tarPadding(size)]
}

function block(
  entry: Pick<TarEntry, 'mode' | 'modified' | 'uid' | 'gid' | 'size'>,
  typeFlag: string,
  name: Buffer,
  target: Buffer,
): Buffer {
  const header = Buffer.alloc(blockSize)
  name.copy(header, 0, 0, 100)
  putNumber(header, 100, 8, entry.mode)
  putNumber(header, 108, 8, entry.uid)
  putNumber(header, 116, 8, entry.gid)
  putNumber(header, 124, 12, entry.size)
  putNumber(header, 136, 12, Math.max(0, Math.floor(entry.modified.getTime() / 1000)))
  header.write(typeFlag, 156, 'latin1')
  target.copy(header, 157, 0, 100)
  header.write('ustar  ', 257, 'latin1')
  // The sum is taken with spaces in its own place.
  header.fill(' ', 148, 156)
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

/** In octal; in base 256, as GNU has it, what is too large for that. */
function putNumber(header: Buffer, at: number, length: number, value: number): void {
  const octal = value.toString(8)
  if (octal.length < length) {
    header.write(octal.padStart(length - 1, '0'), at, 'latin1')
    return
  }
  let rest = BigInt(value)
  for (let index = at + length - 1; index > at; index -= 1) {
    header[index] = Number(rest & 0xffn)
    rest >>= 8n
  }
  header[at] = 0x80
}
