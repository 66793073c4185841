import type { Duplex } from 'node:stream'
import { ProblemError, problem } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { Logger } from '../../../platform/logger'
import type { ApiClient, SpdySession } from '../api'
import { ForwardSession } from './forward-session'
import { type ClosedPortQuestion, OpenCheck } from './open-check'
import { podPath } from './open-command'
import type { PortConnection, PortVerdict } from './port-connection'
import { connectionLost, portRefused } from './problems'
import type { ProtocolMemory, Way } from './protocols'
import { linkSignals } from './signals'
import { carryWebSocket } from './websocket-forward'

/** How port-forward is spoken: `tunnel` is SPDY within a websocket (KEP-4006, servers from 1.31). */
export type ForwardProtocol = 'spdy' | 'tunnel' | 'websocket-v4'

/** Sessions to one pod at most; past that, connections share them. */
const SESSIONS = 16
/** Connections that share a session while there may be more sessions. */
const SHARED = 4
/** Sessions kept ready, so that the next connection has one to itself at once. */
const SPARE = 1
/** How long a session that carries nothing is kept, in milliseconds. */
const KEEP = 60_000
/** How often a connection is tried when sessions die under it. */
const ATTEMPTS = 3

const SPDY_PROTOCOL = 'portforward.k8s.io'
const WEBSOCKET_PROTOCOL = 'v4.channel.k8s.io'

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
  /** See {@link Driver.dial}. Rejects with the raw error of the API, or a ProblemError. */
  dial(pod: string, port: number, signal: AbortSignal): Promise<Duplex>
  /** Ends every connection. */
  dispose(): void
}

/** Makes connections to ports of pods by the port-forward subresource. */
export function createDialer(dependencies: DialerDependencies): Dialer {
  const pods = new Map<string, PodForwarder>()
  let disposed = false
  return {
    async dial(pod, port, signal) {
      signal.throwIfAborted()
      if (disposed) {
        throw new ProblemError(
          connectionLost(dependencies.client.identity.targetName, 'the driver was closed'),
        )
      }
      let forwarder = pods.get(pod)
      if (!forwarder) {
        forwarder = new PodForwarder(dependencies, pod, () => pods.delete(pod))
        pods.set(pod, forwarder)
      }
      return forwarder.dial(port, signal)
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
  readonly connection: PortConnection
  ask(port: number): Promise<ClosedPortQuestion>
}

class PodForwarder {
  readonly #dependencies: DialerDependencies
  readonly #pod: string
  readonly #onUnused: () => void
  readonly #check: OpenCheck
  readonly #sessions = new Set<ForwardSession>()
  /** Ports with an open connection over which bytes came. */
  readonly #alive = new Map<number, Set<PortConnection>>()
  readonly #disposed = new AbortController()
  readonly #openings = new Set<Promise<unknown>>()
  #dialling = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(dependencies: DialerDependencies, pod: string, onUnused: () => void) {
    this.#dependencies = dependencies
    this.#pod = pod
    this.#onUnused = onUnused
    this.#check = new OpenCheck(dependencies.clock)
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
    for (let attempt = 1; ; attempt++) {
      const { connection, ask } = await this.#connect(port, attempt > 1, signal)
      try {
        const verdict = await this.#verdict(port, connection, ask, signal)
        if (verdict.open || isAfterOpening(verdict.complaint)) return this.#opened(port, connection)
        this.#check.seenClosed(port)
        const failure = failureOf(verdict.complaint, port, this.#dependencies.client.identity.targetName)
        const { code } = failure.problem
        if (code === 'port-refused' && /socat/i.test(verdict.complaint) && this.#dependencies.otherWay) {
          return await this.#dependencies.otherWay(this.#pod, port, signal)
        }
        // A session outlives the pod that it was opened to, and knows nothing of its successor of the same name.
        if (code === 'connection-lost') for (const session of this.#sessions) session.retire()
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
        ? Promise.resolve({ open: true } as const)
        : this.#check.passed(ask, this.#disposed.signal).then(() => ({ open: true }) as const)
      // In this order: what is known already is not overruled by what is assumed.
      return await Promise.race([connection.decided, open, aborted])
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
      let present = anew || attempt === ATTEMPTS ? undefined : this.#pick()
      while (!present && this.#isFull() && this.#openings.size > 0) {
        await Promise.race(this.#openings)
        signal.throwIfAborted()
        present = this.#pick()
      }
      if (present && !this.#isFull() && this.#idle() <= SPARE) this.#openSpare()
      const carrier = present ?? (await this.#open(port, signal))
      if (!(carrier instanceof ForwardSession)) return carrier
      try {
        return await this.#over(carrier, port, signal)
      } catch (error) {
        // It died, or somebody's bulk stands in the way: no other connection is to run into that.
        carrier.retire()
        if (signal.aborted || attempt === ATTEMPTS) throw error
        this.#dependencies.logger.debug('dial: a session was given up', { error: String(error) })
      }
    }
  }

  async #over(session: ForwardSession, port: number, signal: AbortSignal): Promise<Attempt> {
    const { clock } = this.#dependencies
    const connection = await session.connect(port, clock.now, signal)
    return {
      connection,
      ask: async (closedPort) => {
        const question = await session.connect(closedPort, clock.now, this.#disposed.signal)
        return { verdict: question.decided, dispose: () => question.destroy() }
      },
    }
  }

  /** The session that disturbs, and is disturbed, least: nothing where a new one is better. */
  #pick(): ForwardSession | undefined {
    const usable = [...this.#sessions].filter((session) => session.usable)
    const free = usable.find((session) => session.load === 0)
    if (free) return free
    const quiet = usable.filter((session) => !session.busy).sort((a, b) => a.load - b.load)[0]
    if (quiet && quiet.load < SHARED) return quiet
    if (!this.#isFull()) return undefined
    return quiet ?? usable.sort((a, b) => a.load - b.load)[0]
  }

  /** Whether there are as many sessions as there may be; of websockets there are as many as of connections. */
  #isFull(): boolean {
    if (this.#dependencies.protocols.works === 'websocket-v4') return false
    return this.#sessions.size + this.#openings.size >= SESSIONS
  }

  #idle(): number {
    const idle = [...this.#sessions].filter((session) => session.usable && session.load === 0)
    return idle.length + this.#openings.size
  }

  #openSpare(): void {
    const { protocols, logger } = this.#dependencies
    if (protocols.works === 'websocket-v4') return
    this.#open(undefined, this.#disposed.signal).catch((error: unknown) => {
      logger.debug('dial: no spare session', { error: String(error) })
    })
  }

  async #open(port: number | undefined, signal: AbortSignal): Promise<ForwardSession | Attempt> {
    const { client, protocols } = this.#dependencies
    const path = podPath(client, this.#pod, 'portforward')
    const options = { protocols: [SPDY_PROTOCOL], signal }
    const ways: Way<ForwardProtocol, ForwardSession | Attempt>[] = [
      {
        name: 'spdy',
        attempt: async () => this.#add(await client.spdy(path, options)),
      },
      {
        name: 'tunnel',
        attempt: async () => this.#add(await client.spdyOverWebSocket(path, options)),
      },
    ]
    if (port !== undefined) ways.push({ name: 'websocket-v4', attempt: () => this.#alone(port, signal) })
    const opening = protocols.first(ways, signal)
    const over: Promise<void> = opening.then(
      () => undefined,
      () => undefined,
    )
    this.#openings.add(over)
    void over.then(() => this.#openings.delete(over))
    return opening
  }

  #add(session: SpdySession): ForwardSession {
    const { client, clock } = this.#dependencies
    const over = () => {
      this.#sessions.delete(added)
      this.#sweepLater()
    }
    const added = new ForwardSession(session, client.identity.targetName, over, clock.now())
    if (this.#disposed.signal.aborted) added.destroy()
    else this.#sessions.add(added)
    return added
  }

  async #alone(port: number, signal: AbortSignal): Promise<Attempt> {
    const { client } = this.#dependencies
    const path = podPath(client, this.#pod, 'portforward')
    const ports = [...new Set([port, this.#check.closedPort])].map(String)
    const socket = await client.websocket(path, { query: { ports }, protocols: [WEBSOCKET_PROTOCOL], signal })
    const { connection, closedPort } = carryWebSocket(socket, client.identity.targetName)
    const end = () => connection.destroy()
    this.#disposed.signal.addEventListener('abort', end, { once: true })
    connection.once('close', () => this.#disposed.signal.removeEventListener('abort', end))
    return { connection, ask: async () => ({ verdict: closedPort, dispose: () => undefined }) }
  }

  /** Ends sessions that carried nothing for a while, and with the last one this. */
  #sweepLater(): void {
    if (this.#sweep || this.#disposed.signal.aborted) return
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined
      const now = this.#dependencies.clock.now()
      for (const session of this.#sessions) {
        if (session.load === 0 && now - session.unusedSince >= KEEP) session.retire()
      }
      if (this.#sessions.size === 0 && this.#dialling === 0 && this.#alive.size === 0) this.#onUnused()
      else this.#sweepLater()
    }, KEEP / 2)
    this.#sweep.unref()
  }

  dispose(): void {
    this.#disposed.abort()
    clearTimeout(this.#sweep)
    for (const session of this.#sessions) session.destroy()
  }
}

function isRefusal(complaint: string): boolean {
  return /refused/i.test(complaint)
}

/** Whether a connection had been made before it came to this end. */
function isAfterOpening(complaint: string): boolean {
  return complaint === '' || /reset by peer|broken pipe|EPIPE|ECONNRESET/i.test(complaint)
}

function failureOf(complaint: string, port: number, targetName: string): ProblemError {
  if (isRefusal(complaint)) return portRefused(port, complaint)
  if (/(socat|nsenter) not found|unable to do port forwarding/i.test(complaint)) {
    return problem({
      code: 'dial-unsupported',
      title: `Port ${port} cannot be reached`,
      cause: 'The node of the workspace has no program for port forwarding.',
      remedy: 'Ask whoever runs the cluster to install socat on its nodes.',
      detail: complaint,
    })
  }
  return new ProblemError({
    ...connectionLost(targetName, complaint),
    cause: 'The node could not connect to the workspace: it is just ending, or being replaced.',
  })
}
