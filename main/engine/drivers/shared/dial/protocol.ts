/**
 * How Berth and its relay inside a container talk over one exec: a greeting from the relay, then frames both ways.
 *
 * A frame is nine bytes, big-endian: connection id (4), type (1), value (4). Only `data` is followed by a payload, of
 * `value` bytes. Each end may have at most `WINDOW` bytes of payload under way per connection and direction; the other
 * end gives credit back (`window`) as its own reader takes them, so a slow reader stops its own connection only.
 * The programs in relay/ and the agent's relay (agent/PROTOCOL.md, "Relay") speak the same; change all five together.
 */
export const HEADER = 9
/** Bytes of payload that may be under way per connection and direction. */
export const WINDOW = 1024 * 1024
/** Payload of one frame at most, so that a connection in full flow does not hold up the others for long. */
export const MAXIMUM_PAYLOAD = 64 * 1024
/** What a relay writes first; whatever comes before it (a warning of the interpreter) is skipped. */
export const GREETING = Buffer.from('BERTH-RELAY-1\n')

export const frame = {
  /** To the relay; value: the port. */
  open: 1,
  /** From the relay: connected. */
  ok: 2,
  /** From the relay; value: 1 nothing listens, 2 any other reason. */
  refused: 3,
  /** Value: bytes that follow. */
  data: 4,
  /** The sender sends no more; the other direction stays open. */
  fin: 5,
  /** The connection is gone, both ways. */
  rst: 6,
  /** Value: bytes of credit given back. */
  window: 7,
} as const

export const REFUSED_NOTHING_LISTENS = 1

export function header(id: number, type: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER)
  bytes.writeUInt32BE(id, 0)
  bytes[4] = type
  bytes.writeUInt32BE(value, 5)
  return bytes
}

export interface FrameSink {
  greeted(): void
  /** Any frame but `data`. */
  control(id: number, type: number, value: number): void
  /** A piece of a `data` frame as it came; a frame may come in several. Shares memory with the input. */
  data(id: number, piece: Buffer): void
}

/** Takes the relay's output in pieces of any size. Throws when it is not the protocol. */
export class FrameParser {
  readonly #sink: FrameSink
  readonly #head = Buffer.alloc(HEADER)
  #headLength = 0
  #greeted = false
  #noise: Buffer = Buffer.alloc(0)
  #id = 0
  #payload = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  push(chunk: Buffer): void {
    let rest = chunk
    if (!this.#greeted) {
      rest = this.#greet(chunk)
      if (!this.#greeted) return
    }
    let at = 0
    while (at < rest.length) {
      if (this.#payload > 0) {
        const end = Math.min(rest.length, at + this.#payload)
        this.#payload -= end - at
        this.#sink.data(this.#id, rest.subarray(at, end))
        at = end
        continue
      }
      const taken = rest.copy(this.#head, this.#headLength, at, at + HEADER - this.#headLength)
      this.#headLength += taken
      at += taken
      if (this.#headLength < HEADER) return
      this.#headLength = 0
      const id = this.#head.readUInt32BE(0)
      const type = this.#head[4] ?? 0
      const value = this.#head.readUInt32BE(5)
      if (type === frame.data) {
        this.#id = id
        this.#payload = value
      } else if (type >= frame.ok && type <= frame.window) {
        this.#sink.control(id, type, value)
      } else {
        throw new Error(`frame of unknown type ${type}`)
      }
    }
  }

  #greet(chunk: Buffer): Buffer {
    const seen = Buffer.concat([this.#noise, chunk])
    const at = seen.indexOf(GREETING)
    if (at < 0) {
      if (seen.length > 64 * 1024) throw new Error('no greeting')
      this.#noise = seen
      return seen
    }
    this.#greeted = true
    this.#noise = Buffer.alloc(0)
    this.#sink.greeted()
    return seen.subarray(at + GREETING.length)
  }
}
