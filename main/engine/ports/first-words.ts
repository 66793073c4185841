import type { Readable } from 'node:stream'
import type { FirstWords } from '../link/link'

/** What is heard of a client before it has a connection, in bytes; the rest waits in its socket. */
const MOST = 64 * 1024

/** Reads what a client says before there is a connection for it, and keeps it until one has been sent it. */
export class HeardWords implements FirstWords {
  readonly #client: Readable
  #heard = Buffer.alloc(0)
  #sent = 0

  /** The client is read by nobody else before {@link unsent} was asked for. */
  constructor(client: Readable) {
    this.#client = client
  }

  /** Of all that was heard, in bytes. */
  get length(): number {
    return this.#heard.length
  }

  said(): Buffer {
    const more = Math.min(this.#client.readableLength, MOST - this.#heard.length)
    const piece: Buffer | null = more > 0 ? this.#client.read(more) : null
    if (piece) this.#heard = Buffer.concat([this.#heard, piece])
    return this.#heard
  }

  sent(words: Buffer): void {
    this.#sent = words.length
  }

  /** What was heard and not sent. */
  unsent(): Buffer {
    return this.#heard.subarray(this.#sent)
  }
}
