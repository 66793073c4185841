import type { Duplex } from 'node:stream'
import { cancelled, ProblemError } from '#contract'
import type { Driver, FirstWords } from '../drivers/driver'
import type { Clock } from '../platform/clock'
import type { Logger } from '../platform/logger'
import { dialByAgent } from './agent/dial'
import { AgentForwards } from './agent/forwards'
import type { AgentKeeper } from './agent/keeper'
import { isUnanswered, relaySocketOf } from './agent/relay-socket'
import { type Channel, ConnectionLost, type SshConnection } from './ssh/connection'

/** A connection that has carried so many bytes is bulk: those to the same port are taken to be like it. */
const BULK = 4 * 1024 * 1024
/** How long after its last connection a port is not taken for one of bulk any more, in milliseconds. */
const BULK_MEMORY = 60_000
/** How long the agent may take to say something of a connection before the driver is asked, in milliseconds. */
const AGENT_LIMIT = 3_000

export interface LinkDialDependencies {
  readonly agent: AgentKeeper
  /** Throws where there is none any more. */
  readonly driver: () => Driver
  /** Which run of the workspace there is now; throws where it does not run. */
  readonly incarnation: () => string
  readonly clock: Clock
  readonly logger: Logger
  readonly ended: AbortSignal
}

/**
 * Makes connections to ports. Over the driver, whose ways carry bulk two to three times as fast as the agent's (benches
 * forward-bulk, k8s-forward-bulk) and mostly connect as soon (forward-connect); over the agent where the driver has no
 * way into the workspace, and where each of its connections is a matter between the server and the node: there the
 * agent connects several times sooner (k8s-link-connect), and tells how a connection ended as it was.
 */
export class LinkDialer {
  readonly #dependencies: LinkDialDependencies
  readonly #forwards: AgentForwards
  /** Those that are open, over either way, with their port. */
  readonly #open = new Map<Carrying, number>()
  /** Connections, open or being opened, to a workspace whose driver takes its time over each. */
  #count = 0
  /** When a port that carries bulk was last asked for. */
  readonly #bulk = new Map<number, number>()
  /** The run of the workspace in which the driver has no way into it. */
  #hasNoWay: string | undefined
  /** The agent had not said yet where its relay is when the driver asked last. */
  #isRelayUnknown = false

  constructor(dependencies: LinkDialDependencies) {
    this.#dependencies = dependencies
    this.#forwards = new AgentForwards(dependencies)
  }

  /** See {@link Driver.dial}. */
  async dial(port: number, signal: AbortSignal, words?: FirstWords): Promise<Duplex> {
    const { agent, driver, incarnation } = this.#dependencies
    const run = incarnation()
    const costly = driver().costlyDials?.(agent.workspaceId) ?? 0
    if (costly > 0) return this.#counted(port, costly, run, signal, words)
    if (this.#hasNoWay !== run) {
      const before = agent.connection
      try {
        return await this.#byDriver(port, signal, words)
      } catch (error) {
        const isUnsupported = error instanceof ProblemError && error.problem.code === 'dial-unsupported'
        if (!isUnsupported || !agent.connection) throw error
        // With an agent it may have one, also with one that takes its time to say where its relay is.
        if (before && !this.#isRelayUnknown) this.#hasNoWay = run
      }
    }
    const { connection } = agent
    // Where there is none, the driver says what is missing.
    const opened = connection && (await this.#byAgent(connection, port, signal))
    return opened ?? this.#byDriver(port, signal, words)
  }

  async #byDriver(port: number, signal: AbortSignal, words?: FirstWords): Promise<Duplex> {
    const { agent, driver } = this.#dependencies
    return driver().dial(agent.workspaceId, port, signal, {
      ...(words && { words }),
      relay: async () => {
        const { connection } = agent
        const socket = connection && (await relaySocketOf(connection))
        this.#isRelayUnknown = connection !== undefined && isUnanswered(connection)
        return socket
      },
    })
  }

  /** Undefined where the connection to the agent ended meanwhile. */
  async #byAgent(connection: SshConnection, port: number, signal: AbortSignal): Promise<Channel | undefined> {
    try {
      return await dialByAgent(connection, port, signal)
    } catch (error) {
      if (signal.aborted) throw cancelled()
      if (error instanceof ConnectionLost) return undefined
      throw error
    }
  }

  async #counted(
    port: number,
    costly: number,
    run: string,
    signal: AbortSignal,
    words?: FirstWords,
  ): Promise<Duplex> {
    const isCrowd = this.#count >= costly
    this.#count += 1
    try {
      const sooner = isCrowd ? undefined : await this.#sooner(run, port, signal)
      const stream = sooner ?? (await this.#byDriver(port, signal, words))
      this.#watch(stream, port)
      return stream
    } catch (error) {
      this.#count -= 1
      throw error
    }
  }

  /** Over the connection for ports; undefined where the driver is the better way, or the only one just now. */
  async #sooner(run: string, port: number, signal: AbortSignal): Promise<Duplex | undefined> {
    const connection = this.#forwards.take(run)
    if (!connection || this.#carriesBulk(port)) return undefined
    const limit = AbortSignal.timeout(AGENT_LIMIT)
    try {
      return await this.#byAgent(connection, port, AbortSignal.any([signal, limit]))
    } catch (error) {
      if (signal.aborted) throw cancelled()
      if (!limit.aborted) throw error
      this.#forwards.giveUp(connection)
      return undefined
    }
  }

  #carriesBulk(port: number): boolean {
    const now = this.#dependencies.clock.now()
    const last = this.#bulk.get(port)
    const isBulk =
      (last !== undefined && now - last < BULK_MEMORY) ||
      [...this.#open].some(([stream, to]) => to === port && carriedBy(stream) > BULK)
    if (isBulk) this.#bulk.set(port, now)
    else this.#bulk.delete(port)
    return isBulk
  }

  /** Until it is over, which ends its part in the count. */
  #watch(stream: Carrying, port: number): void {
    this.#open.set(stream, port)
    whenClosed(stream, () => {
      this.#count -= 1
      this.#open.delete(stream)
      if (carriedBy(stream) > BULK) this.#bulk.set(port, this.#dependencies.clock.now())
    })
  }
}

/** A connection that may count what it carries, as Node's sockets do. */
type Carrying = Duplex & { readonly bytesRead?: number; readonly bytesWritten?: number }

const carriedBy = ({ bytesRead = 0, bytesWritten = 0 }: Carrying) => bytesRead + bytesWritten

/** One that ended with its beginning may have closed before anybody could listen. */
function whenClosed(stream: Duplex, action: () => void): void {
  if (stream.closed) action()
  else stream.once('close', action)
}
