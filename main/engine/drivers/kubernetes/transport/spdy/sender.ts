import type { Duplex } from 'node:stream'
import type { Deliveries } from '../liveness'
import { dataHeader } from './frames'

/** Bytes of a stream's data that go out before it is the next one's turn; kubelets send as many. */
const TURN = 32 * 1024
/** Bytes that may wait for the connection to take them, and where it is worth its while to give it more. */
const HIGH_MARK = 256 * 1024
const LOW_MARK = 64 * 1024
/** Bytes that go out at once; fewer wait for what else this turn of the event loop brings, to be one write together. */
const WORTH_A_WRITE = 16 * 1024

/** Data of a stream on its way: `chunk` from `offset` on, or FLAG_FIN where there is no chunk. */
interface Turn {
  readonly streamId: number
  readonly chunk: Buffer | undefined
  offset: number
  readonly callback: () => void
}

/** What one session sends: control frames at once, data of its streams in turns as the connection takes it. */
export class Sender {
  readonly #connection: Duplex
  readonly #deliveries: Deliveries
  readonly #finSent: (streamId: number) => void
  #turns: Turn[] = []
  #blocked = false
  #pumping = false
  #stopped = false
  #written = 0
  #gathering = false

  constructor(connection: Duplex, deliveries: Deliveries, finSent: (streamId: number) => void) {
    this.#connection = connection
    this.#deliveries = deliveries
    this.#finSent = finSent
  }

  /** Bytes of frames that were given to the connection. */
  get written(): number {
    return this.#written
  }

  /** Whether more waits than a side that reads its answers would ever leave. */
  get flooded(): boolean {
    return this.#connection.writableLength >= HIGH_MARK * 2
  }

  write(frame: Buffer): void {
    if (this.#stopped) return
    this.#written += frame.length
    if (!this.#gathering) {
      this.#gathering = true
      this.#connection.cork()
      setImmediate(this.#flush)
    }
    this.#connection.write(frame, this.#onWritten)
    if (this.#connection.writableLength >= WORTH_A_WRITE) this.#flush()
    if (this.#connection.writableLength >= HIGH_MARK) this.#blocked = true
  }

  readonly #flush = () => {
    if (!this.#gathering) return
    this.#gathering = false
    this.#connection.uncork()
  }

  /** Calls back when all of the chunk was given to the connection; never, if it is not. */
  send(streamId: number, chunk: Buffer, callback: () => void): void {
    this.#enqueue({ streamId, chunk, offset: 0, callback })
  }

  /** Half-closes a stream behind its data. */
  finish(streamId: number, callback: () => void): void {
    this.#enqueue({ streamId, chunk: undefined, offset: 0, callback })
  }

  /** Sends no more of this stream's data. */
  drop(streamId: number): void {
    this.#turns = this.#turns.filter((turn) => turn.streamId !== streamId)
  }

  /** Sends nothing more at all. */
  stop(): void {
    this.#stopped = true
    this.#turns = []
  }

  #enqueue(turn: Turn): void {
    if (this.#stopped) return
    this.#turns.push(turn)
    this.#pump()
  }

  readonly #onWritten = () => {
    if (!this.#blocked || this.#connection.writableLength > LOW_MARK) return
    this.#blocked = false
    this.#pump()
  }

  #pump(): void {
    // Callbacks bring the next chunk of their stream.
    if (this.#blocked || this.#pumping) return
    this.#pumping = true
    this.#connection.cork()
    while (!this.#blocked && !this.#stopped) {
      const turn = this.#turns.shift()
      if (!turn) break
      this.#take(turn)
    }
    this.#connection.uncork()
    this.#pumping = false
  }

  #take(turn: Turn): void {
    const { streamId, chunk, callback } = turn
    if (!chunk) {
      this.write(dataHeader(streamId, 0, true))
      this.#finSent(streamId)
      callback()
      return
    }
    const piece = chunk.subarray(turn.offset, turn.offset + TURN)
    turn.offset += piece.length
    this.#deliveries.sent += piece.length
    if (piece.length > 0) {
      this.write(dataHeader(streamId, piece.length, false))
      this.write(piece)
    }
    if (turn.offset < chunk.length) this.#turns.push(turn)
    else callback()
  }
}
