import { Duplex } from 'node:stream'
import type { SpdyStream } from '../../api'
import { resetStatuses } from './frames'

/** Bytes that may wait in one stream for its turn to be sent. */
const WRITE_HIGH_MARK = 64 * 1024
/** A piece below this part of the memory that it shares is copied before it has to wait. */
const WASTE = 4

/** The other side ended a stream by RST_STREAM. Kubelets end every stream of a session that is over so, `cancelled`. */
export class SpdyResetError extends Error {
  readonly code = 'ERR_SPDY_STREAM_RESET'
  readonly status: number

  constructor(status: number) {
    super(
      `the stream was reset: ${resetStatuses[status as keyof typeof resetStatuses] ?? `status ${status}`}`,
    )
    this.name = 'SpdyResetError'
    this.status = status
  }
}

/** What a stream asks of its session. */
export interface StreamHost {
  /** Sends in turns with other streams; calls back when all of it is on its way. */
  send(stream: MultiplexedStream, chunk: Buffer, callback: () => void): void
  /** Half-closes behind what is still to be sent. */
  finish(stream: MultiplexedStream, callback: () => void): void
  /** So many bytes more, or less, wait for being read. */
  buffered(bytes: number): void
  /** The stream is over for this side. */
  closed(stream: MultiplexedStream): void
}

/**
 * One stream of a session. What came before a reset, or before the session broke, can be read to its end; the error
 * comes after it. Its errors need no listener: whoever lost interest in a stream is not to fall with it.
 */
export class MultiplexedStream extends Duplex implements SpdyStream {
  readonly streamId: number
  readonly #host: StreamHost
  #queue: Buffer[] = []
  #wanted = false
  #finReceived = false
  #failure: Error | undefined

  constructor(streamId: number, host: StreamHost) {
    // Nothing is read ahead: what waits is counted by the session over all its streams.
    super({ readableHighWaterMark: 0, writableHighWaterMark: WRITE_HIGH_MARK })
    this.streamId = streamId
    this.#host = host
    this.on('error', () => undefined)
  }

  /** For the session: bytes came. */
  receive(piece: Buffer): void {
    if (this.destroyed || this.#finReceived) return
    if (this.#wanted) {
      this.#wanted = false
      this.push(piece)
      return
    }
    // A few bytes would hold on to the 64 KiB that they came in.
    const kept = piece.length * WASTE < piece.buffer.byteLength ? Buffer.from(piece) : piece
    this.#queue.push(kept)
    this.#host.buffered(kept.length)
  }

  /** For the session: the other side half-closed. */
  receiveFin(): void {
    this.#finReceived = true
    this.#settle()
  }

  /** For the session: nothing more comes and nothing more can be sent. */
  fail(error: Error): void {
    if (this.destroyed || this.#failure) return
    this.#failure = error
    if (this.#finReceived) {
      // What was read is whole; the error is for who still writes.
      if (this.readableEnded) this.destroy(error)
      else this.once('end', () => this.destroy(error))
      return
    }
    if (this.#queue.length === 0 && this.readableLength === 0) this.destroy(error)
  }

  #settle(): void {
    if (!this.#wanted || !this.#finReceived || this.#queue.length > 0) return
    this.#wanted = false
    this.push(null)
  }

  override _read(): void {
    const piece = this.#queue.shift()
    if (piece) {
      this.#host.buffered(-piece.length)
      this.push(piece)
      return
    }
    if (this.#failure && !this.#finReceived) {
      this.destroy(this.#failure)
      return
    }
    this.#wanted = true
    this.#settle()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    // The error is for who reads to the end: told here it would take what waits to be read away.
    if (this.#failure) callback()
    else this.#host.send(this, chunk, callback)
  }

  override _final(callback: () => void): void {
    if (this.#failure) callback()
    else this.#host.finish(this, callback)
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const waiting = this.#queue.reduce((sum, piece) => sum + piece.length, 0)
    this.#queue = []
    if (waiting > 0) this.#host.buffered(-waiting)
    this.#host.closed(this)
    callback(error)
  }
}
