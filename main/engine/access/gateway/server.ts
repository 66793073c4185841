import { disconnect, message } from '../../link/ssh/messages'
import { type Carrier, Transport, VERSION } from '../../link/ssh/transport'
import type { Clock } from '../../platform/clock'
import type { KeyPair } from '../keys/key-pair'
import { Authentication, type Entrance } from './authentication'
import { ServerKeyExchange } from './server-key-exchange'

/** Milliseconds for a client to say who it is. */
const ENTER_LIMIT = 60_000
/** Bytes of a version, its end of line included (RFC 4253, section 4.2), and of a packet from a stranger. */
const LIMITS = { version: 255, isAnnounced: false, packet: 35_000 }

export interface SshServerOptions {
  readonly hostKey: KeyPair
  readonly entrance: Entrance
  readonly clock: Clock
}

export interface SshServerHandlers {
  /** The client is in. */
  entered(): void
  /** A message after that; it may be kept. */
  message(payload: Buffer): void
  /** More can be sent. */
  drained(): void
  /** The last call. */
  ended(reason: Error): void
}

/** SSH with one client in the part of the server, up to where it is known: then its messages are handed over. */
export class SshServer {
  readonly #transport: Transport
  readonly #handlers: SshServerHandlers
  readonly #entrance: Entrance
  readonly #over = new AbortController()
  #authentication: Authentication | undefined
  #isIn = false

  constructor(carrier: Carrier, { clock, entrance, hostKey }: SshServerOptions, handlers: SshServerHandlers) {
    this.#handlers = handlers
    this.#entrance = entrance
    this.#transport = new Transport(
      carrier,
      {
        ready: () => {
          this.#authentication = new Authentication(this.#entrance, this.#transport.sessionId)
        },
        message: (payload) => this.#receive(payload),
        drained: () => handlers.drained(),
        ended: (reason) => {
          this.#over.abort()
          handlers.ended(reason)
        },
      },
      {
        beginExchange: (client) => new ServerKeyExchange({ client, server: VERSION }, hostKey),
        theirHalf: message.kexEcdhInit,
        isStrict: true,
        limits: LIMITS,
      },
    )
    void clock.sleep(ENTER_LIMIT, this.#over.signal).then(
      () => {
        if (!this.#isIn) this.close(disconnect.byApplication, 'it took too long to log in')
      },
      () => undefined,
    )
  }

  /** Whether more should not be sent now. */
  get blocked(): boolean {
    return this.#transport.blocked
  }

  send(payload: Buffer): void {
    this.#transport.send(payload)
  }

  pause(): void {
    this.#transport.pause()
  }

  resume(): void {
    this.#transport.resume()
  }

  /** Tells the client why, and ends. */
  close(code: number, words: string): void {
    this.#transport.close(code, words)
  }

  #receive(payload: Buffer): void {
    if (this.#isIn) {
      // One that is in has no more to prove (RFC 4252, section 5.1).
      if (payload[0] !== message.userauthRequest) this.#handlers.message(payload)
      return
    }
    const verdict = this.#authentication?.take(payload)
    if (!verdict || verdict.kind === 'out') {
      this.close(disconnect.noMoreMethods, 'this is not who Berth knows')
      return
    }
    for (const answer of verdict.send) this.#transport.send(answer)
    if (verdict.kind === 'more') return
    this.#isIn = true
    this.#over.abort()
    this.#transport.trust()
    this.#handlers.entered()
  }
}
