import type { SpdySession } from '../api'
import type { PortConnection } from './port-connection'
import { linkSignals } from './signals'
import { openSpdyConnection } from './spdy-forward'

/** A connection that has carried more bytes than this is taken for bulk. */
const BULK = 1024 * 1024
/** How long a node may take to accept a connection's streams over a session that others use too, in milliseconds. */
const ACCEPTED_WITHIN = 3_000

/** One SPDY session to a pod and the connections that go over it. */
export class ForwardSession {
  readonly #session: SpdySession
  readonly #targetName: string
  readonly #connections = new Set<PortConnection>()
  #reserved = 0
  #nextRequest = 0
  #retired = false
  #over = false
  #unusedSince: number

  constructor(session: SpdySession, targetName: string, onOver: () => void, now: number) {
    this.#session = session
    this.#targetName = targetName
    this.#unusedSince = now
    void session.ended.then(() => {
      this.#over = true
      onOver()
    })
  }

  /** Connections that are open or being opened. */
  get load(): number {
    return this.#connections.size + this.#reserved
  }

  /** Whether it takes new connections. */
  get usable(): boolean {
    return !this.#over && !this.#retired
  }

  get over(): boolean {
    return this.#over
  }

  /** Since when it carries nothing, by the clock that it was given; meaningless while it does. */
  get unusedSince(): number {
    return this.#unusedSince
  }

  /** Whether one of its connections takes up the whole session, or is about to: all of them share one TCP connection. */
  get busy(): boolean {
    for (const connection of this.#connections)
      if (connection.held || connection.bytesRead > BULK) return true
    return false
  }

  /** Keeps room for a connection, which {@link connect} then takes: between the two, others may be choosing. */
  reserve(): this {
    this.#reserved++
    return this
  }

  /** Opens the connection that room was reserved for; `now` tells the time when it is over. */
  async connect(port: number, now: () => number, signal: AbortSignal): Promise<PortConnection> {
    const limit = linkSignals(signal, this.load > 1 ? AbortSignal.timeout(ACCEPTED_WITHIN) : undefined)
    try {
      const request = this.#nextRequest++
      const connection = await openSpdyConnection(
        this.#session,
        port,
        request,
        this.#targetName,
        limit.signal,
      )
      this.#connections.add(connection)
      connection.once('close', () => {
        this.#connections.delete(connection)
        this.#unusedSince = now()
        // A kubelet goes on sending to a stream that was reset, and waits with all that comes later for a pod to take
        // what was sent to it: only the end of the session ends that.
        if (connection.brokenOff) this.#retired = true
        this.#endIfUnused()
      })
      return connection
    } finally {
      limit.unlink()
      this.#reserved--
      this.#endIfUnused()
    }
  }

  /** Takes no new connections, and ends with its last one. */
  retire(): void {
    this.#retired = true
    this.#endIfUnused()
  }

  #endIfUnused(): void {
    if (this.#retired && this.load === 0) this.#session.destroy()
  }

  destroy(): void {
    this.#retired = true
    this.#session.destroy()
  }
}
