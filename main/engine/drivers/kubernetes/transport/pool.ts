import { setMaxListeners } from 'node:events'
import { Agent } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Connector, Generation } from './connection'

/** Calls that run at once; others wait for their turn. Streams have connections of their own and are not counted. */
const CALLS = 64
/** Connections that wait for the next call, and milliseconds after which one that waits is closed. */
const IDLE_CONNECTIONS = 16
const IDLE_FOR = 60_000

/** A turn to call, on the connections of the certificates of the moment. */
export interface Lease {
  /** For node:http, also where the connection is TLS: the connections come from the {@link Connector}. */
  readonly agent: Agent
  release(): void
}

/** Keeps the connections of plain calls for the next one, as long as the certificates are the same. */
export class CallPool {
  readonly #connector: Connector
  #agent: Agent | undefined
  #generation: Generation | undefined
  #running = 0
  readonly #waiting: { readonly run: () => void; readonly refuse: (error: Error) => void }[] = []

  constructor(connector: Connector) {
    this.#connector = connector
  }

  async lease(signal?: AbortSignal): Promise<Lease> {
    await this.#turn(signal)
    try {
      const agent = this.#current(await this.#connector.generation())
      let released = false
      const release = () => {
        if (!released) this.#next()
        released = true
      }
      return { agent, release }
    } catch (error) {
      this.#next()
      throw error
    }
  }

  /** Closes connections that wait: after one of them was dead, the others are. */
  forgetIdle(): void {
    for (const idle of Object.values(this.#agent?.freeSockets ?? {})) {
      for (const socket of idle ?? []) socket.destroy()
    }
  }

  dispose(): void {
    this.#agent?.destroy()
    this.#agent = undefined
    const error = Object.assign(new Error('connection lost: the driver was closed'), { code: 'ECONNRESET' })
    for (const { refuse } of this.#waiting.splice(0)) refuse(error)
  }

  #current(generation: Generation): Agent {
    if (this.#agent && generation === this.#generation) return this.#agent
    // Calls under way end on the connections that they began on.
    this.forgetIdle()
    this.#generation = generation
    this.#agent = new ConnectorAgent(this.#connector)
    return this.#agent
  }

  #turn(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#running < CALLS) {
      this.#running++
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal?.reason)
      }
      const waiter = {
        run: () => {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
        refuse: reject,
      }
      this.#waiting.push(waiter)
      // Many calls may wait with one signal: they are no leak.
      if (signal) setMaxListeners(0, signal)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  #next(): void {
    const next = this.#waiting.shift()
    if (next) next.run()
    else this.#running--
  }
}

/** An http.Agent takes its connections from this method (Node's documentation, "agent.createConnection"). */
class ConnectorAgent extends Agent {
  readonly #connector: Connector

  constructor(connector: Connector) {
    super({ keepAlive: true, scheduling: 'lifo', maxFreeSockets: IDLE_CONNECTIONS, timeout: IDLE_FOR })
    this.#connector = connector
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#connector.open().then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    )
  }
}
