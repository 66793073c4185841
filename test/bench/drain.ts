import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'

/** Reads a stream to its end and returns how many bytes there were. */
export function countBytes(stream: Readable): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    stream.once('end', () => resolve(bytes))
    stream.once('error', reject)
  })
}

/** Reads a stream to its end and returns its sha256, in hexadecimal. */
export function digestOf(stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256')
    stream.on('data', (chunk: Buffer) => hash.update(chunk))
    stream.once('end', () => resolve(hash.digest('hex')))
    stream.once('error', reject)
  })
}

/** Megabytes per second. */
export function megabytesPerSecond(bytes: number, milliseconds: number): number {
  return bytes / 1e6 / (milliseconds / 1000)
}
