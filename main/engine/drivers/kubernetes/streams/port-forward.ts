import { setMaxListeners } from 'node:events'
import { Duplex } from 'node:stream'
import { ProblemError } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { Logger } from '../../../platform/logger'
import type { ExecProcess, FirstWords } from '../../driver'
import type { ApiClient } from '../api'
import { failureOf, isAfterOpening, isBeforeOpening } from './forward-failure'
import { ForwardSession } from './forward-session'
import { ListeningLook, LOOK_COMMAND } from './listening'
import { podPath } from './open-command'
import { type Attempt, Opening } from './opening'
import type { PortConnection } from './port-connection'
import { connectionLost, podFailure } from './problems'
import type { ProtocolMemory, Way } from './protocols'
import { SESSIONS, SessionPool } from './session-pool'
import { linkSignals } from './signals'
import { carryWebSocket } from './websocket-forward'

/** How port-forward is spoken: `tunnel` is SPDY within a websocket (KEP-4006, servers from 1.31). */
export type ForwardProtocol = 'spdy' | 'tunnel' | 'websocket-v4'

const NOTHING = Buffer.alloc(0)
/** How often a connection is tried when sessions die under it. */
const ATTEMPTS = 3
/**
 * Connections that are open, or being opened, from which on others take the other way, where it is ready. A node does
 * the bytes of a few faster than a relay does. One with Docker takes a process for each (dockershim): in a crowd these
 * processes are what all wait for. With any other runtime the relay is for those that would have to share a session.
 */
const CROWD = { docker: 8, other: SESSIONS }
/** Milliseconds between looks for what is not used any more. */
const SWEEP_EVERY = 30_000

export interface DialerDependencies {
  readonly client: ApiClient
  readonly logger: Logger
  readonly clock: Clock
  readonly protocols: ProtocolMemory<ForwardProtocol>
  /** Runs a command in a pod, to ask it what listens. Absent: there is no such way. */
  readonly exec?: (pod: string, command: readonly string[], signal: AbortSignal) => Promise<ExecProcess>
  /**
   * Another way into the pod, for what listens on ::1: some nodes (dockershim) know 127.0.0.1 alone. Rejects with
   * `port-refused` where nothing listens for it either, and with `dial-unsupported` where there is no such way.
   */
  readonly otherWay?: (pod: string, port: number, signal: AbortSignal) => Promise<Duplex>
  /** Whether the pod's node runs it by Docker. Absent: it does not. */
  readonly byDocker?: (pod: string) => boolean
  /** Whether the other way is one on which the next connection costs next to nothing; where it is not, makes it so. */
  readonly otherWayIsReady?: (pod: string) => boolean
}

export interface Dialer {
  /** See {@link Driver.dial}. */
  dial(pod: string, port: number, signal: AbortSignal, words?: FirstWords): Promise<Duplex>
  /** The pod is gone, or another one has its name now: connections that are there end with it, new ones are made anew. */
  forget(pod: string): void
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
  /** Of pods that are gone, as long as something of them is left. */
  const forgotten = new Set<PodForwarder>()
  let disposed = false
  return {
    async dial(pod, port, signal, words) {
      try {
        signal.throwIfAborted()
        if (disposed)
          throw new ProblemError(connectionLost(client.identity.targetName, 'the driver was closed'))
        let forwarder = pods.get(pod)
        if (!forwarder) {
          const made = new PodForwarder(dependencies, pod, () => {
            if (!forgotten.delete(made)) pods.delete(pod)
          })
          forwarder = made
          pods.set(pod, made)
        }
        return await forwarder.dial(port, signal, words)
      } catch (error) {
        throw podFailure(client, error, `Port ${port} cannot be reached`, signal)
      }
    },
    forget(pod) {
      const forwarder = pods.get(pod)
      if (!forwarder) return
      pods.delete(pod)
      forgotten.add(forwarder)
      forwarder.retire()
    },
    dispose() {
      disposed = true
      for (const forwarder of [...pods.values(), ...forgotten]) forwarder.dispose()
      pods.clear()
      forgotten.clear()
    },
  }
}

/** How long a connection that is not wanted any more may take to come to its end by itself, in milliseconds. */
const LAST_MOMENTS = 5_000

/** A connection over which nothing was said yet. */
type Made = Omit<Attempt, 'hasSpoken'>

class PodForwarder {
  readonly #dependencies: DialerDependencies
  readonly #pod: string
  readonly #onUnused: () => void
  readonly #look: ListeningLook | undefined
  readonly #opening: Opening
  readonly #pool: SessionPool
  /** Connections that are open or being opened. */
  #count = 0
  /** Ports that the other way leads to. */
  readonly #elsewhere = new Set<number>()
  readonly #disposed = new AbortController()
  #dialling = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(dependencies: DialerDependencies, pod: string, onUnused: () => void) {
    const { client, clock, exec, logger } = dependencies
    this.#dependencies = dependencies
    this.#pod = pod
    this.#onUnused = onUnused
    this.#look = exec && new ListeningLook((signal) => exec(pod, LOOK_COMMAND, signal), logger)
    this.#opening = new Opening(clock, this.#look, this.#disposed.signal)
    this.#pool = new SessionPool(client.identity.targetName, clock, () => this.#sweepLater())
    // One for each connection that is being made.
    setMaxListeners(0, this.#disposed.signal)
  }

  async dial(port: number, signal: AbortSignal, words?: FirstWords): Promise<Duplex> {
    const either = linkSignals(signal, this.#disposed.signal)
    this.#dialling++
    this.#count++
    try {
      const connection = await this.#dial(port, either.signal, words)
      const over = () => {
        this.#count--
      }
      if (connection.closed) over()
      else connection.once('close', over)
      return connection
    } catch (error) {
      this.#count--
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

  async #dial(port: number, signal: AbortSignal, words?: FirstWords): Promise<Duplex> {
    const { targetName } = this.#dependencies.client.identity
    const direct = this.#elsewhere.has(port) ? await this.#otherWay(port, signal) : undefined
    if (direct instanceof Duplex) return direct
    const apart = await this.#apart(port, signal)
    if (apart) return apart
    for (let attempt = 1; ; attempt++) {
      // Asked while the connection is being made: the first to ask has to wait for a process in the pod.
      const early = this.#opening.early(port, words, signal)
      const made = await this.#connect(port, attempt > 1, signal)
      const said = words?.said() ?? NOTHING
      const attempted = { ...made, hasSpoken: said.length > 0 }
      const { connection } = attempted
      if (attempted.hasSpoken) connection.write(said)
      try {
        let outcome = await this.#opening.outcome(port, attempted, signal, early)
        if (outcome.open === 'elsewhere') {
          const other = await this.#otherWay(port, signal)
          if (other instanceof Duplex) {
            this.#comeToEnd(connection)
            return other
          }
          // The node's word on it, such as it is.
          outcome = await this.#opening.assumed(port, attempted, signal)
        }
        // What may have been heard is not said again: such a failure is for the client to see.
        if (
          outcome.open ||
          isAfterOpening(outcome.complaint) ||
          (attempted.hasSpoken && !isBeforeOpening(outcome.complaint))
        ) {
          if (attempted.hasSpoken) words?.sent(said)
          this.#opening.opened(port, connection)
          return connection
        }
        const failure = failureOf(outcome.complaint, port, targetName)
        const { code } = failure.problem
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

  /** For who comes into a crowd: undefined where there is none, or no relay yet, or no more. */
  async #apart(port: number, signal: AbortSignal): Promise<Duplex | undefined> {
    const { otherWay, otherWayIsReady, byDocker, logger } = this.#dependencies
    const crowd = byDocker?.(this.#pod) ? CROWD.docker : CROWD.other
    // This one included.
    if (this.#count <= crowd || !otherWay || !otherWayIsReady?.(this.#pod)) return undefined
    try {
      const connection = await otherWay(this.#pod, port, signal)
      this.#opening.listens(port)
      return connection
    } catch (error) {
      if (signal.aborted || !(error instanceof ProblemError)) throw error
      if (error.problem.code === 'port-refused') throw error
      logger.debug('dial: no way beside the node', { port, problem: error.problem })
      return undefined
    }
  }

  /** The failure, where nothing listens for it or there is no such way. Rejects like {@link Dialer.dial} otherwise. */
  async #otherWay(port: number, signal: AbortSignal): Promise<Duplex | ProblemError | undefined> {
    try {
      const connection = await this.#dependencies.otherWay?.(this.#pod, port, signal)
      if (connection) this.#elsewhere.add(port)
      return connection
    } catch (error) {
      this.#elsewhere.delete(port)
      if (!(error instanceof ProblemError)) throw error
      if (error.problem.code !== 'port-refused' && error.problem.code !== 'dial-unsupported') throw error
      this.#dependencies.logger.debug('dial: no other way', { port, problem: error.problem })
      return error
    }
  }

  /** Broken off it would take its session along. */
  #comeToEnd(connection: PortConnection): void {
    const limit = this.#dependencies.clock.sleep(LAST_MOMENTS, this.#disposed.signal).catch(() => undefined)
    void Promise.race([connection.decided, limit]).then(() => connection.destroy())
  }

  /** Over a session that is there, or a new one, or a websocket of its own. */
  async #connect(port: number, anew: boolean, signal: AbortSignal): Promise<Made> {
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
  async #carrier(port: number, anew: boolean, signal: AbortSignal): Promise<ForwardSession | Made> {
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

  async #over(session: ForwardSession, port: number, signal: AbortSignal): Promise<Made> {
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
  #open(port: number | undefined, signal: AbortSignal): Promise<ForwardSession | Made> {
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
    const ways: Way<ForwardProtocol, ForwardSession | Made>[] = [
      { name: 'spdy', attempt: async () => add(await client.spdy(path, options)) },
      { name: 'tunnel', attempt: async () => add(await client.spdyOverWebSocket(path, options)) },
    ]
    if (port !== undefined) ways.push({ name: 'websocket-v4', attempt: () => this.#alone(port, signal) })
    return this.#pool.opening(protocols.first(ways, signal))
  }

  async #alone(port: number, signal: AbortSignal): Promise<Made> {
    const { client, clock } = this.#dependencies
    const begunAt = clock.now()
    const open = async (to: number, limit: AbortSignal) => {
      const options = { query: { ports: [String(to)] }, protocols: ['v4.channel.k8s.io'], signal: limit }
      const socket = await client.websocket(podPath(client, this.#pod, 'portforward'), options)
      const connection = carryWebSocket(socket, client.identity.targetName)
      const end = () => connection.destroy()
      this.#disposed.signal.addEventListener('abort', end, { once: true })
      connection.once('close', () => this.#disposed.signal.removeEventListener('abort', end))
      return connection
    }
    return {
      begunAt,
      connection: await open(port, signal),
      ask: async (closedPort) => {
        const askedAt = clock.now()
        const question = await open(closedPort, this.#disposed.signal)
        return { begunAt: askedAt, verdict: question.decided, dispose: () => question.destroy() }
      },
    }
  }

  /** Ends what was not used for a while, and with the last session this. */
  #sweepLater(): void {
    if (this.#sweep || this.#disposed.signal.aborted) return
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined
      this.#pool.sweep()
      if (this.#dialling === 0) this.#look?.rest()
      if (this.#pool.empty && this.#dialling === 0 && this.#opening.idle) this.#onUnused()
      else this.#sweepLater()
    }, SWEEP_EVERY)
    this.#sweep.unref()
  }

  /** Takes no new connections, and is unused with its last one. */
  retire(): void {
    this.#look?.dispose()
    this.#pool.retireAll()
    this.#sweepLater()
  }

  dispose(): void {
    this.#disposed.abort()
    clearTimeout(this.#sweep)
    this.#look?.dispose()
    this.#pool.destroyAll()
  }
}
