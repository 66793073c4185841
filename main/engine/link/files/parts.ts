import type { SftpClient } from '../sftp/client'
import { SftpFailure } from '../sftp/client'
import { attributesOf, openFlag, packet, status, uint64 } from '../sftp/protocol'
import { SshProtocolError, Writer } from '../ssh/wire'
import { encodeName } from './names'

/** Bytes of one request for a part of a file; servers that give less are asked again. */
const PART = 128 * 1024
/** Parts of a file under way at once: 2 MiB, as much as the channel's window. */
const PARTS = 16

export interface WriteOptions {
  /** Where the first byte goes. */
  readonly offset: number
  /** `new` fails where there is something of the name; `over` empties it; `on` goes on with what is there. */
  readonly mode: 'new' | 'over' | 'on'
  /** Called with the number of bytes up to which the file is whole, as it grows. */
  readonly onWritten?: (end: number) => void
}

export function pathOf(path: string): Buffer {
  return new Writer().string(encodeName(path)).done()
}

function number(value: number): Buffer {
  return new Writer().uint32(value).done()
}

/** Opens a file or a folder; the answer is what names it in later requests. */
export async function openHandle(
  client: SftpClient,
  type: number,
  ...parts: readonly Buffer[]
): Promise<Buffer> {
  const handle = (await client.request(type, packet.handle, ...parts)).string()
  return new Writer().string(handle).done()
}

/** Without waiting for it. */
export function closeHandle(client: SftpClient, handle: Buffer): void {
  client.request(packet.close, packet.status, handle).catch(() => undefined)
}

/** What a file holds from `offset` on, until its end or for `length` bytes, with many parts under way at once. */
export async function* readParts(
  client: SftpClient,
  path: string,
  offset: number,
  length: number,
): AsyncGenerator<Buffer, void> {
  const handle = await openHandle(client, packet.open, pathOf(path), number(openFlag.read), attributesOf({}))
  const coming: { readonly size: number; readonly part: Promise<Buffer[]> }[] = []
  try {
    const end = offset + length
    for (let next = offset; ; ) {
      while (coming.length < PARTS && next < end) {
        const size = Math.min(PART, end - next)
        const part = readPart(client, handle, next, size)
        // Awaited in its turn; one before it may fail first.
        part.catch(() => undefined)
        coming.push({ size, part })
        next += size
      }
      const first = coming.shift()
      if (!first) return
      let left = first.size
      for (const piece of await first.part) {
        left -= piece.length
        yield piece
      }
      if (left > 0) return
    }
  } finally {
    closeHandle(client, handle)
  }
}

/** A part of a file, whole unless the file ends in it. */
async function readPart(client: SftpClient, handle: Buffer, offset: number, size: number): Promise<Buffer[]> {
  const pieces: Buffer[] = []
  let have = 0
  while (have < size) {
    try {
      const left = size - have
      const asked = [handle, uint64(offset + have), number(left)]
      const piece = (await client.request(packet.read, packet.data, ...asked)).string()
      if (piece.length === 0 || piece.length > left)
        throw new SshProtocolError(`${piece.length} bytes in place of ${left}`)
      pieces.push(piece)
      have += piece.length
    } catch (error) {
      if (error instanceof SftpFailure && error.status === status.eof) return pieces
      throw error
    }
  }
  return pieces
}

/**
 * Writes all that comes, with many parts under way at once. Rejects with `fail` of what goes wrong there, and with what
 * the source throws as it is.
 */
export async function writeParts(
  client: SftpClient,
  path: string,
  source: AsyncIterable<Buffer>,
  options: WriteOptions,
  fail: (error: unknown) => Error,
): Promise<void> {
  const flags = {
    new: openFlag.create | openFlag.exclusive,
    over: openFlag.create | openFlag.truncate,
    on: 0,
  }
  const open = number(openFlag.write | flags[options.mode])
  const orFail = (error: unknown): never => {
    throw fail(error)
  }
  const onlyMine = attributesOf({ mode: 0o600 })
  const handle = await openHandle(client, packet.open, pathOf(path), open, onlyMine).catch(orFail)
  const going: { readonly end: number; readonly written: Promise<unknown> }[] = []
  const settle = async () => {
    const first = going.shift()
    if (!first) return
    await first.written.catch(orFail)
    options.onWritten?.(first.end)
  }
  try {
    let offset = options.offset
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += PART) {
        const piece = chunk.subarray(at, at + PART)
        const asked = [handle, uint64(offset), number(piece.length), piece]
        const written = client.request(packet.write, packet.status, ...asked)
        written.catch(() => undefined)
        offset += piece.length
        going.push({ end: offset, written })
        if (going.length >= PARTS) await settle()
      }
    }
    while (going.length > 0) await settle()
  } catch (error) {
    closeHandle(client, handle)
    throw error
  }
  // What a disk says at the end only, it says here.
  await client.request(packet.close, packet.status, handle).catch(orFail)
}
