import { ConnectionLost } from './channel'
import { enter } from './client'
import type { Carrier, Transport } from './transport'

/** Who takes the messages of a {@link MessagesConnection}. */
export interface MessagesHandlers {
  /** One of the connection protocol (RFC 4254); it may be kept. */
  message(payload: Buffer): void
  /** More can be sent. */
  drained(): void
}

const nobody: MessagesHandlers = { message: () => undefined, drained: () => undefined }

/**
 * An SSH connection in the part of the client at the level of its messages, for who passes them on: their channels,
 * windows and requests are between the two ends, and not of this side.
 */
export class MessagesConnection {
  /** Resolves when messages can be sent; rejects with why they never can. */
  readonly ready: Promise<void>
  /** Resolves with why it is over. */
  readonly ended: Promise<Error>
  readonly #transport: Transport
  #handlers = nobody

  constructor(carrier: Carrier) {
    let end: (reason: Error) => void = () => undefined
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    let isReady: () => void = () => undefined
    let neverReady: (error: Error) => void = () => undefined
    this.ready = new Promise((resolve, reject) => {
      isReady = resolve
      neverReady = reject
    })
    this.ready.catch(() => undefined)
    this.#transport = enter(carrier, {
      ready: () => {
        // Until somebody takes them, none come.
        this.#transport.pause()
        isReady()
      },
      message: (payload) => this.#handlers.message(payload),
      drained: () => this.#handlers.drained(),
      ended: (reason) => {
        neverReady(new ConnectionLost(reason.message))
        end(reason)
      },
    })
  }

  /** Begins to hand messages over. */
  attend(handlers: MessagesHandlers): void {
    this.#handlers = handlers
    this.resume()
  }

  /** Whether more should not be sent now. */
  get blocked(): boolean {
    return this.#transport.blocked
  }

  send(message: Buffer): void {
    this.#transport.send(message)
  }

  /** Reads no more for now. */
  pause(): void {
    this.#transport.pause()
  }

  resume(): void {
    this.#transport.resume()
  }

  /** Throws away what is on its way, and ends. */
  close(): void {
    this.#transport.close()
  }
}
