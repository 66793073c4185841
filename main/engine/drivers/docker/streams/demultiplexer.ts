/** Docker's frame header: channel, three zero bytes, length of the payload, big endian (Engine API, "Attach to a container"). */
const HEADER = 8
const STDERR = 2
/** The daemon's own word on why it could not go on; it comes at most once, at the end. */
const SYSTEM_ERROR = 3
/** Below this many bytes a loop is faster than a call to copyWithin. */
const SMALL = 48

export interface DemultiplexedChunk {
  readonly stdout: Buffer | undefined
  readonly stderr: Buffer | undefined
}

/**
 * Takes Docker's stdout/stderr frames apart, in time linear to the bytes, whatever the size of frames and chunks.
 * Payloads are moved together inside the chunk that they came in, so that a chunk of a thousand log lines becomes one
 * buffer and not a thousand; chunks must therefore be the caller's to give away.
 */
export class Demultiplexer {
  readonly #header = Buffer.alloc(HEADER)
  #headerLength = 0
  #channel = 0
  #remaining = 0
  /** Set when the daemon sent an error of its own. */
  systemError = ''

  /** True between frames: a stream that ends elsewhere was cut. */
  get atBoundary(): boolean {
    return this.#headerLength === 0 && this.#remaining === 0
  }

  push(chunk: Buffer): DemultiplexedChunk {
    // stdout is compacted in place; stderr of a mixed chunk goes to a buffer of its own.
    let outStart = 0
    let outEnd = 0
    let errors: Buffer | undefined
    let errorsEnd = 0
    let position = 0
    while (position < chunk.length) {
      if (this.#remaining === 0) {
        const next = this.#readHeader(chunk, position)
        if (next < 0) break
        position = next
        continue
      }
      const size = Math.min(this.#remaining, chunk.length - position)
      if (this.#channel === STDERR) {
        errors ??= Buffer.allocUnsafe(chunk.length - position)
        chunk.copy(errors, errorsEnd, position, position + size)
        errorsEnd += size
      } else if (this.#channel === SYSTEM_ERROR) {
        this.systemError += chunk.toString('utf8', position, position + size)
      } else if (outEnd === outStart) {
        outStart = position
        outEnd = position + size
      } else {
        if (size < SMALL) {
          for (let offset = 0; offset < size; offset++)
            chunk[outEnd + offset] = chunk[position + offset] as number
        } else {
          chunk.copyWithin(outEnd, position, position + size)
        }
        outEnd += size
      }
      position += size
      this.#remaining -= size
    }
    return {
      stdout: outEnd > outStart ? chunk.subarray(outStart, outEnd) : undefined,
      stderr: errors ? errors.subarray(0, errorsEnd) : undefined,
    }
  }

  /** Reads a header, or as much of it as there is; returns the position behind it, or -1 at the chunk's end. */
  #readHeader(chunk: Buffer, position: number): number {
    if (this.#headerLength === 0 && chunk.length - position >= HEADER) {
      this.#channel = chunk[position] as number
      this.#remaining = chunk.readUInt32BE(position + 4)
      return position + HEADER
    }
    const taken = Math.min(HEADER - this.#headerLength, chunk.length - position)
    chunk.copy(this.#header, this.#headerLength, position, position + taken)
    this.#headerLength += taken
    if (this.#headerLength < HEADER) return -1
    this.#headerLength = 0
    this.#channel = this.#header[0] as number
    this.#remaining = this.#header.readUInt32BE(4)
    return position + taken
  }
}
