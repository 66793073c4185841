import { close, write } from 'node:fs'
import { Writable } from 'node:stream'

/** How long to wait when a descriptor that someone made non-blocking is full. */
const RETRY_AFTER = 2

/**
 * Writes to a file descriptor on the thread pool. `process.stdout` writes to pipes synchronously on Linux: a
 * reader that stops would stop this process too, stdin, timers and Ctrl-C with it.
 */
export class DescriptorStream extends Writable {
  readonly #descriptor: number

  constructor(descriptor: number) {
    super({ highWaterMark: 256 * 1024, decodeStrings: true })
    this.#descriptor = descriptor
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const next = (offset: number) => {
      write(this.#descriptor, chunk, offset, chunk.length - offset, null, (error, written) => {
        if (error?.code === 'EAGAIN') setTimeout(next, RETRY_AFTER, offset)
        else if (error) callback(error)
        else if (offset + written < chunk.length) next(offset + written)
        else callback()
      })
    }
    next(0)
  }

  /** What waits goes out in one piece: each takes a turn of the thread pool. */
  override _writev(
    pieces: readonly { readonly chunk: Buffer }[],
    callback: (error?: Error | null) => void,
  ): void {
    this._write(Buffer.concat(pieces.map(({ chunk }) => chunk)), 'utf8', callback)
  }

  /** Tells whatever reads that no more comes, although this process goes on. */
  closeDescriptor(): Promise<void> {
    return new Promise((resolve) => close(this.#descriptor, () => resolve()))
  }
}

/** Resolves once everything written so far is out, or the stream has failed. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableEnded) return resolve()
    stream.write('', () => resolve())
  })
}
