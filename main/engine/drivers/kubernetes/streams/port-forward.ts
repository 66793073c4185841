import { setMaxListeners } from 'node:events'
import type { Duplex } from 'node:stream'
import { ProblemError } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { Logger } from '../../../platform/logger'
import type { ApiClient } from '../api'
import { failureOf, isAfterOpening, isRefusal } from './forward-failure'
import { ForwardSession } from './forward-session'
import { type ClosedPortQuestion, OpenCheck } from './open-check'
import { podPath } from './open-command'
import type { PortConnection, PortVerdict } from './port-connection'
import { connectionLost, podFailure } from './problems'
import type { ProtocolMemory, Way } from './protocols'
import { SessionPool } from './session-pool'
import { linkSignals } from './signals'
import { carryWebSocket } from './websocket-forward'

/** How port-forward is spoken: `tunnel` is SPDY within a websocket (KEP-4006, servers from 1.31). */
export type ForwardProtocol = 'spdy' | 'tunnel' | 'websocket-v4'

/** How often a connection is tried when sessions die under it. */
const ATTEMPTS = 3
/** Milliseconds between looks for what is not used any more. */
const SWEEP_EVERY = 30_000

export interface DialerDependencies {
  readonly client: ApiClient
  readonly logger: Logger
  readonly clock: Clock
  readonly protocols: ProtocolMemory<ForwardProtocol>
  /**
   * Another way into the pod, for what the node's own does not reach: under dockershim it knows 127.0.0.1 alone.
   * Rejects with `port-refused` where nothing listens for it either.
   */
  readonly otherWay?: (pod: string, port: number, signal: AbortSignal) => Promise<Duplex>
}

export interface Dialer {
  /** See {@link Driver.dial}. */
  dial(pod: string, port: number, signal: AbortSignal): Promise<Duplex>
  /** Ends every connection. */
  dispose(): void
}

/**
 * Makes connections to ports of pods by the port-forward subresource. How long a pod may still answer once `end()` was
 * called is the runtime's affair: socat, under dockershim, gives it half a second of silence, containerd one second.
 */
export function createDialer(dependencies: DialerDependencies): Dialer {
  const { client } = dependencies
  const pods = new Map<string, PodForwarder>()
  let disposed = false
  return {
    async dial(pod, port, signal) {
      try {
        signal.throwIfAborted()
        if (disposed)
          throw new ProblemError(connectionLost(client.identity.targetName, 'the driver was closed'))
        let forwarder = pods.get(pod)
        if (!forwarder) {
          forwarder = new PodForwarder(dependencies, pod, () => pods.delete(pod))
          pods.set(pod, forwarder)
        }
        return await forwarder.dial(port, signal)
      } catch (error) {
        throw podFailure(client, error, `Port ${port} cannot be reached`, signal)
      }
    },
    dispose() {
      disposed = true
      for (const forwarder of pods.values()) forwarder.dispose()
      pods.clear()
    },
  }
}

/** A connection that the node has accepted, and how to ask the same of a closed port. */
interface Attempt {
  readonly begunAt: number
  readonly connection: PortConnection
  ask(port: number): Promise<ClosedPortQuestion>
}

class PodForwarder {
  readonly #dependencies: DialerDependencies
  readonly #pod: string
  readonly #onUnused: () => void
  readonly #check: OpenCheck
  readonly #pool: SessionPool
  /** Open connections over which bytes came, by port: as long as there is one, the port listens. */
  readonly #alive = new Map<number, Set<PortConnection>>()
  readonly #disposed = new AbortController()
  #dialling = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(dependencies: DialerDependencies, pod: string, onUnused: () => void) {
    const { client, clock } = dependencies
    this.#dependencies = dependencies
    this.#pod = pod
    this.#onUnused = onUnused
    this.#check = new OpenCheck(clock)
    this.#pool = new SessionPool(client.identity.targetName, clock, () => this.#sweepLater())
    // One for each connection that is being made.
    setMaxListeners(0, this.#disposed.signal)
  }

  async dial(port: number, signal: AbortSignal): Promise<Duplex> {
    const either = linkSignals(signal, this.#disposed.signal)
    this.#dialling++
    try {
      return await this.#dial(port, either.signal)
    } catch (error) {
      if (!signal.aborted && this.#disposed.signal.aborted) {
        throw new ProblemError(connectionLost(this.#dependencies.client.identity.targetName))
      }
      throw error
    } finally {
      either.unlink()
      this.#dialling--
      this.#sweepLater()
    }
  }

  async #dial(port: number, signal: AbortSignal): Promise<Duplex> {
    const { client, otherWay } = this.#dependencies
    for (let attempt = 1; ; attempt++) {
      const { begunAt, connection, ask } = await this.#connect(port, attempt > 1, signal)
      try {
        const verdict = await this.#verdict(port, connection, ask, signal)
        if (verdict.open || isAfterOpening(verdict.complaint)) return this.#opened(port, connection)
        this.#check.seenClosed(port)
        if (isRefusal(verdict.complaint)) this.#check.refused(begunAt)
        const failure = failureOf(verdict.complaint, port, client.identity.targetName)
        const { code } = failure.problem
        if (code === 'port-refused' && otherWay && /socat/i.test(verdict.complaint)) {
          return await otherWay(this.#pod, port, signal)
        }
        // A session outlives the pod that it was opened to, and knows nothing of its successor of the same name.
        if (code === 'connection-lost') this.#pool.retireAll()
        if (code !== 'connection-lost' || attempt === ATTEMPTS) throw failure
        connection.destroy()
      } catch (error) {
        connection.destroy()
        throw error
      }
    }
  }

  async #verdict(
    port: number,
    connection: PortConnection,
    ask: Attempt['ask'],
    signal: AbortSignal,
  ): Promise<PortVerdict> {
    const done = new AbortController()
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { signal: done.signal })
    })
    try {
      const known = this.#check.isFresh(port) || (this.#alive.get(port)?.size ?? 0) > 0
      const open = known
        ? Promise.resolve()
        : Promise.race([
            this.#check.passed(ask, this.#disposed.signal),
            this.#check.whenSeenOpen(port, done.signal),
          ])
      // In this order: what is known already is not overruled by what is assumed.
      return await Promise.race([connection.decided, open.then(() => ({ open: true }) as const), aborted])
    } finally {
      done.abort()
    }
  }

  #opened(port: number, connection: PortConnection): PortConnection {
    this.#check.seenOpen(port)
    void connection.decided.then((verdict) => {
      if (!verdict.open) {
        if (isRefusal(verdict.complaint)) this.#check.seenClosed(port)
        return
      }
      this.#check.seenOpen(port)
      if (connection.destroyed) return
      const alive = this.#alive.get(port) ?? new Set()
      this.#alive.set(port, alive.add(connection))
      const gone = () => {
        alive.delete(connection)
        if (alive.size === 0) this.#alive.delete(port)
      }
      connection.once('end', gone)
      connection.once('close', gone)
    })
    return connection
  }

  /** Over a session that is there, or a new one, or a websocket of its own. */
  async #connect(port: number, anew: boolean, signal: AbortSignal): Promise<Attempt> {
    for (let attempt = 1; ; attempt++) {
      const carrier = await this.#carrier(port, anew || attempt === ATTEMPTS, signal)
      if (!(carrier instanceof ForwardSession)) return carrier
      try {
        return await this.#over(carrier, port, signal)
      } catch (error) {
        if (signal.aborted) throw error
        // It died, or somebody's bulk stands in the way: no other connection is to run into that.
        carrier.retire()
        if (attempt === ATTEMPTS) throw error
        this.#dependencies.logger.debug('dial: a session was given up', { error: String(error) })
      }
    }
  }

  /** Room in a session, or a connection that needs none. Without a pause between looking and taking. */
  async #carrier(port: number, anew: boolean, signal: AbortSignal): Promise<ForwardSession | Attempt> {
    // Of websockets there are as many as of connections.
    const limited = () => this.#dependencies.protocols.works !== 'websocket-v4'
    for (;;) {
      const present = anew ? undefined : this.#pool.reserve()
      if (present) {
        if (limited() && this.#pool.wantsSpare) this.#openSpare()
        return present
      }
      const opened = anew || !limited() || !this.#pool.full ? undefined : this.#pool.nextOpened
      if (!opened) return this.#open(port, signal)
      await opened
      signal.throwIfAborted()
    }
  }

  #openSpare(): void {
    this.#open(undefined, this.#disposed.signal).catch((error: unknown) => {
      this.#dependencies.logger.debug('dial: no spare session', { error: String(error) })
    })
  }

  async #over(session: ForwardSession, port: number, signal: AbortSignal): Promise<Attempt> {
    const { clock } = this.#dependencies
    const begunAt = clock.now()
    const connection = await session.connect(port, clock.now, signal)
    return {
      begunAt,
      connection,
      ask: async (closedPort) => {
        const askedAt = clock.now()
        const question = await session.reserve().connect(closedPort, clock.now, this.#disposed.signal)
        return { begunAt: askedAt, verdict: question.decided, dispose: () => question.destroy() }
      },
    }
  }

  /** A new session, or with a port and where no session is to be had, a connection that needs none. */
  #open(port: number | undefined, signal: AbortSignal): Promise<ForwardSession | Attempt> {
    const { client, protocols } = this.#dependencies
    const path = podPath(client, this.#pod, 'portforward')
    const options = { protocols: ['portforward.k8s.io'], signal }
    const add = (session: Parameters<SessionPool['add']>[0]) => {
      if (!this.#disposed.signal.aborted) {
        const added = this.#pool.add(session)
        return port === undefined ? added : added.reserve()
      }
      session.destroy()
      throw new ProblemError(connectionLost(client.identity.targetName, 'the driver was closed'))
    }
    const ways: Way<ForwardProtocol, ForwardSession | Attempt>[] = [
      { name: 'spdy', attempt: async () => add(await client.spdy(path, options)) },
      { name: 'tunnel', attempt: async () => add(await client.spdyOverWebSocket(path, options)) },
    ]
    if (port !== undefined) ways.push({ name: 'websocket-v4', attempt: () => this.#alone(port, signal) })
    return this.#pool.opening(protocols.first(ways, signal))
  }

  async #alone(port: number, signal: AbortSignal): Promise<Attempt> {
    const { client, clock } = this.#dependencies
    const path = podPath(client, this.#pod, 'portforward')
    const begunAt = clock.now()
    const ports = [...new Set([port, this.#check.closedPort])].map(String)
    const options = { query: { ports }, protocols: ['v4.channel.k8s.io'], signal }
    const { connection, closedPort } = carryWebSocket(
      await client.websocket(path, options),
      client.identity.targetName,
    )
    const end = () => connection.destroy()
    this.#disposed.signal.addEventListener('abort', end, { once: true })
    connection.once('close', () => this.#disposed.signal.removeEventListener('abort', end))
    const question = { begunAt, verdict: closedPort, dispose: () => undefined }
    return { begunAt, connection, ask: async () => question }
  }

  /** Ends what was not used for a while, and with the last session this. */
  #sweepLater(): void {
    if (this.#sweep || this.#disposed.signal.aborted) return
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined
      this.#pool.sweep()
      if (this.#pool.empty && this.#dialling === 0 && this.#alive.size === 0) this.#onUnused()
      else this.#sweepLater()
    }, SWEEP_EVERY)
    this.#sweep.unref()
  }

  dispose(): void {
    this.#disposed.abort()
    clearTimeout(this.#sweep)
    this.#pool.destroyAll()
  }
}
