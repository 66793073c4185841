import { Duplex } from 'node:stream'
import { connectionReset } from './problems'

/** What one connection holds for a reader that is slow, in bytes, before its carrier is held up. */
const BUFFERED = 256 * 1024

/** What brings the bytes of one connection into the pod and back. */
export interface PortCarrier {
  pause(): void
  resume(): void
  /** Calls back when more can be written; also when nothing can be written any more. */
  write(chunk: Buffer, done: () => void): void
  /** Half-closes. */
  end(done: () => void): void
  /** Ends this connection, and nothing else. */
  destroy(): void
}

/** Whether a connection is open, as far as the node has said: `complaint` is empty where it ended properly. */
export type PortVerdict = { readonly open: true } | { readonly open: false; readonly complaint: string }

/**
 * One connection to a port of a pod. What came before a failure is read first, as from a socket. Errors need no
 * listener: whoever lost interest is not to fall with it.
 */
export class PortConnection extends Duplex {
  /** Resolves when the first byte came, or when the pod's side is over. */
  readonly decided: Promise<PortVerdict>
  readonly #carrier: PortCarrier
  readonly #targetName: string
  #decide: (verdict: PortVerdict) => void = () => undefined
  #queue: Buffer[] = []
  #waiting = 0
  #bytesRead = 0
  #bytesWritten = 0
  #wanted = false
  #paused = false
  #writing = false
  #brokenOff = false
  #over = false
  #failure: Error | undefined

  constructor(carrier: PortCarrier, targetName: string) {
    // Nothing is read ahead: what waits is in the queue, and a failure is told behind it.
    super({ allowHalfOpen: true, readableHighWaterMark: 0, writableHighWaterMark: 64 * 1024 })
    this.#carrier = carrier
    this.#targetName = targetName
    this.decided = new Promise((resolve) => {
      this.#decide = resolve
    })
    this.on('error', () => undefined)
  }

  /** Bytes that came so far. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Bytes that were given to the carrier so far. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /** Whether it was given up before the pod's side had ended, or before all that was written had been taken. */
  get brokenOff(): boolean {
    return this.#brokenOff
  }

  /** Whether it holds its carrier up, or is held up by it. */
  get held(): boolean {
    return this.#paused || this.#writing
  }

  /** For the carrier: bytes came. */
  receive(chunk: Buffer): void {
    if (this.destroyed || this.#over || chunk.length === 0) return
    this.#bytesRead += chunk.length
    this.#decide({ open: true })
    if (this.#wanted) {
      this.#wanted = false
      this.push(chunk)
      return
    }
    this.#queue.push(chunk)
    this.#waiting += chunk.length
    if (this.#paused || this.#waiting < BUFFERED) return
    this.#paused = true
    this.#carrier.pause()
  }

  /** For the carrier: the pod's side is over; with a complaint, the connection was reset or lost. */
  finish(complaint: string): void {
    if (this.#over || this.destroyed) return
    this.#over = true
    this.#decide({ open: false, complaint })
    if (complaint !== '') this.#failure = connectionReset(this.#targetName, complaint)
    if (this.#wanted || (this.#failure && this.#queue.length === 0 && this.readableLength === 0))
      this.#settle()
  }

  #settle(): void {
    this.#wanted = false
    if (this.#failure) this.destroy(this.#failure)
    else this.push(null)
  }

  override _read(): void {
    const chunk = this.#queue.shift()
    if (!chunk) {
      if (this.#over) this.#settle()
      else this.#wanted = true
      return
    }
    this.#waiting -= chunk.length
    if (this.#paused && this.#waiting < BUFFERED / 2) {
      this.#paused = false
      this.#carrier.resume()
    }
    this.push(chunk)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#writing = true
    this.#bytesWritten += chunk.length
    this.#carrier.write(chunk, () => {
      this.#writing = false
      done()
    })
  }

  override _final(done: () => void): void {
    this.#carrier.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#queue = []
    this.#brokenOff = this.#writing || !this.#over
    this.#decide({ open: false, complaint: error?.message ?? 'given up' })
    this.#carrier.destroy()
    done(error)
  }
}
