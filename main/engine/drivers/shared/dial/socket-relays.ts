import type { Duplex } from 'node:stream'
import type { Logger } from '../../../platform/logger'
import type { RelaySocket } from '../../driver'
import { Relay, type RelayCarrier } from './relay'

/** Milliseconds until a relay that runs already has answered, or is taken for none. */
const ANSWER_LIMIT = 3_000

/** Connects to a relay's socket in a running container; undefined where it cannot be reached from here. */
export type OpenSocket = (id: string, socket: RelaySocket, signal: AbortSignal) => Promise<Duplex | undefined>

interface Opening {
  readonly relay: Promise<Relay | undefined>
  readonly forgotten: AbortController
}

/** Relays that run in containers already, behind a socket of theirs. */
export class SocketRelays {
  readonly #open: OpenSocket
  readonly #logger: Logger
  readonly #live = new Map<string, Relay>()
  readonly #opening = new Map<string, Opening>()
  /** Keys of sockets that could not be reached. */
  readonly #useless = new Map<string, string>()

  constructor(open: OpenSocket, logger: Logger) {
    this.#open = open
    this.#logger = logger
  }

  /** The one of a container; `ask` tells of its socket. Undefined where there is none, or none to be reached. Never rejects. */
  of(id: string, ask: () => Promise<RelaySocket | undefined>): Promise<Relay | undefined> {
    const present = this.#live.get(id)
    if (present && !present.ended) return Promise.resolve(present)
    const opening = this.#opening.get(id)
    if (opening) return opening.relay
    const forgotten = new AbortController()
    const relay = this.#connect(id, ask, forgotten.signal).finally(() => {
      if (this.#opening.get(id)?.forgotten === forgotten) this.#opening.delete(id)
    })
    this.#opening.set(id, { relay, forgotten })
    return relay
  }

  forget(id: string): void {
    this.#opening.get(id)?.forgotten.abort()
    this.#opening.delete(id)
    this.#useless.delete(id)
    this.#live.get(id)?.destroy()
    this.#live.delete(id)
  }

  dispose(): void {
    for (const id of new Set([...this.#live.keys(), ...this.#opening.keys()])) this.forget(id)
  }

  async #connect(
    id: string,
    ask: () => Promise<RelaySocket | undefined>,
    forgotten: AbortSignal,
  ): Promise<Relay | undefined> {
    let key: string | undefined
    try {
      const socket = await ask()
      if (!socket || this.#useless.get(id) === socket.key) return undefined
      key = socket.key
      const limit = AbortSignal.any([forgotten, AbortSignal.timeout(ANSWER_LIMIT)])
      const stream = await this.#open(id, socket, limit)
      if (stream) {
        const relay = await this.#greeted(stream, socket, limit)
        if (!forgotten.aborted) {
          this.#live.set(id, relay)
          return relay
        }
        relay.destroy()
      }
    } catch (error) {
      this.#logger.debug('dial: a relay was not reached by its socket', {
        workspace: id,
        cause: String(error),
      })
    }
    if (key !== undefined && !forgotten.aborted) this.#useless.set(id, key)
    return undefined
  }

  async #greeted(stream: Duplex, socket: RelaySocket, limit: AbortSignal): Promise<Relay> {
    const giveUp = () => stream.destroy(new Error('it does not answer'))
    limit.addEventListener('abort', giveUp, { once: true })
    try {
      if (!stream.destroyed) stream.write(socket.key)
      const proof = Buffer.from(socket.proof)
      if (!(await read(stream, proof.length)).equals(proof)) throw new Error('it is another one')
      const relay = new Relay(carrierOf(stream))
      await relay.ready
      return relay
    } catch (error) {
      stream.destroy()
      throw error
    } finally {
      limit.removeEventListener('abort', giveUp)
    }
  }
}

/** The first bytes of a stream, no more. */
function read(stream: Duplex, size: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      stream.off('readable', look)
      stream.off('error', onError)
      stream.off('close', onClose)
      action()
    }
    const look = () => {
      const found: Buffer | null = stream.read(size)
      // At its end a stream gives what there is.
      if (found?.length === size) settle(() => resolve(found))
      else if (found) onClose()
    }
    const onError = (error: Error) => settle(() => reject(error))
    const onClose = () => settle(() => reject(new Error('it ended')))
    if (stream.destroyed) return reject(stream.errored ?? new Error('it ended'))
    stream.on('readable', look)
    stream.on('error', onError)
    stream.on('close', onClose)
    look()
  })
}

function carrierOf(stream: Duplex): RelayCarrier {
  return {
    stdin: stream,
    stdout: stream,
    stderr: null,
    exit: new Promise((resolve) => stream.once('close', () => resolve({ code: null }))),
    destroy: () => void stream.destroy(),
  }
}
