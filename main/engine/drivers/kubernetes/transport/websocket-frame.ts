import { randomFillSync } from 'node:crypto'

const FIN_BINARY = 0x82
const MASKED = 0x80

const pool = Buffer.alloc(8 * 1024)
let used = pool.length

function freshMask(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += 4
  return pool.subarray(used - 4, used)
}

/**
 * A masked binary message (RFC 6455, section 5.2) of the parts. They are copied once, straight to where they are
 * masked, word by word: a channel's number before its data costs no copy of its own.
 */
export function binaryMessage(parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const header = length < 126 ? 6 : length < 0x1_0000 ? 8 : 14
  // The payload begins at a multiple of 4, for masking by words.
  const start = (header + 3) & ~3
  const bytes = Buffer.from(new ArrayBuffer((start + length + 3) & ~3))
  const frame = bytes.subarray(start - header, start + length)
  frame[0] = FIN_BINARY
  if (header === 6) {
    frame[1] = MASKED | length
  } else if (header === 8) {
    frame[1] = MASKED | 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = MASKED | 127
    frame.writeUInt32BE(Math.floor(length / 0x1_0000_0000), 2)
    frame.writeUInt32BE(length % 0x1_0000_0000, 6)
  }
  frame.set(freshMask(), header - 4)
  let offset = start
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  maskWords(bytes, start)
  return frame
}

/** Bytes are masked with the four before the payload; in words, their order is the same on every machine. */
function maskWords(bytes: Buffer, start: number): void {
  const words = new Uint32Array(bytes.buffer, start - 4)
  const mask = words[0] ?? 0
  for (let index = 1; index < words.length; index++) words[index] = (words[index] ?? 0) ^ mask
}
