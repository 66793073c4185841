import http from 'node:http'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'

/** How long an idle connection to an app is kept, milliseconds: less than the servers keep it that people develop with. */
const IDLE = 4000
/** How long the app may take to end its side of a connection that is not used any more, milliseconds. */
const FAREWELL = 2000
const FREE_MAXIMUM = 16
/** Apps may send larger headers than Node's 16 KiB: cookies of notebooks and of sign-on. */
export const MAXIMUM_HEADER = 64 * 1024

/** Makes a connection to an app; the signal covers the connecting only. */
export type Reach = (signal: AbortSignal) => Promise<Duplex>

/** Answers like `net.connect`, for http's client: it knows sockets, and these are any kind of stream. */
type OnConnection = (error: Error | null, stream: Duplex) => void

/** What an Agent calls on its sockets; there is nothing to do for a stream that is no socket. */
interface SocketMethods {
  setKeepAlive(): unknown
  setNoDelay(): unknown
  setTimeout(): unknown
  ref(): unknown
  unref(): unknown
  /** After the last answer over it. */
  destroySoon(): unknown
}

function likeSocket(stream: Duplex): Duplex {
  const partial = stream as Duplex & Partial<SocketMethods>
  partial.setKeepAlive ??= () => stream
  partial.setNoDelay ??= () => stream
  partial.setTimeout ??= () => stream
  partial.ref ??= () => stream
  partial.unref ??= () => stream
  partial.destroySoon ??= () => takeLeave(stream)
  return stream
}

/** Ends a connection as a browser does: with an end. A reset is an error to many apps, and stands in their log. */
function takeLeave(stream: Duplex): void {
  const timer = setTimeout(() => stream.destroy(), FAREWELL)
  stream.once('close', () => clearTimeout(timer))
  stream.on('end', () => stream.destroy())
  stream.end()
}

/** Over TLS where the app speaks it. Its certificate is one for localhost that nobody signed; the way there is Berth's own. */
export async function connect(reach: Reach, secure: boolean, signal: AbortSignal): Promise<Duplex> {
  const stream = likeSocket(await reach(signal))
  if (!secure) return stream
  return new Promise((resolve, reject) => {
    const encrypted = tls.connect({
      socket: stream,
      servername: 'localhost',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    })
    // What takes the connection and never speaks TLS would hold it for ever.
    const onAbort = () => {
      encrypted.destroy()
      stream.destroy()
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const settled = () => signal.removeEventListener('abort', onAbort)
    encrypted.once('secureConnect', () => {
      settled()
      resolve(encrypted)
    })
    encrypted.on('error', (error) => {
      settled()
      reject(error)
    })
    if (signal.aborted) onAbort()
  })
}

/** Options of `http.request`, which hands what it does not know on to whoever makes its connection. */
export interface Abortable {
  readonly signal: AbortSignal
  /** The same for `createConnection`, from which node:http keeps `signal`. */
  readonly connecting: AbortSignal
}

/** Has a request given up, and the making of its connection too, when the signal aborts. */
export function abortable(signal: AbortSignal): Abortable {
  return { signal, connecting: signal }
}

/** For `http.request`'s `createConnection`: hands over the connection when it is there. */
export function connectFor(reach: Reach, secure: boolean) {
  return ({ connecting }: Abortable, callback: OnConnection): undefined => {
    connect(reach, secure, connecting).then(
      (stream) => callback(null, stream),
      (error: Error) => callback(error, undefined as never),
    )
    return undefined
  }
}

/** Keeps connections to one app open between requests. Each request over it has to be {@link abortable}. */
export class UpstreamAgent extends http.Agent {
  /** Of each connection that was kept at some time: its end while idle, or nothing while it is in use. */
  readonly #idle = new WeakMap<Duplex, NodeJS.Timeout | undefined>()
  /** Ended by us, and not yet by the app. */
  readonly #parting = new Set<Duplex>()

  constructor(reach: Reach, secure: boolean) {
    // Those above the maximum take leave too, where an Agent would reset them.
    super({ keepAlive: true, maxFreeSockets: Number.POSITIVE_INFINITY, scheduling: 'lifo' })
    this.createConnection = connectFor(reach, secure) as never
  }

  /** Called by http when a response was read to its end. */
  override keepSocketAlive(stream: Duplex): boolean {
    if (stream.destroyed || !stream.readable || !stream.writable) return false
    if (!this.#idle.has(stream)) {
      // Streams, unlike sockets, stay half open when the app has ended its side: no answer would come over them. Also
      // not when the end comes in the moment between a request's choice of this connection and its listening to it.
      stream.on('end', () => stream.destroy())
      stream.once('close', () => clearTimeout(this.#idle.get(stream)))
    }
    const free = Object.values(this.freeSockets).reduce((sum, streams) => sum + (streams?.length ?? 0), 0)
    this.#idle.set(
      stream,
      setTimeout(() => this.#part(stream), free < FREE_MAXIMUM ? IDLE : 0),
    )
    stream.resume()
    return true
  }

  override reuseSocket(stream: Duplex, request: http.ClientRequest): void {
    clearTimeout(this.#idle.get(stream))
    this.#idle.set(stream, undefined)
    super.reuseSocket(stream, request)
  }

  override destroy(): void {
    super.destroy()
    for (const stream of this.#parting) stream.destroy()
  }

  #part(stream: Duplex): void {
    this.#parting.add(stream)
    stream.once('close', () => this.#parting.delete(stream))
    takeLeave(stream)
    // What http's client itself emits on a socket that an Agent is to know no longer.
    stream.emit('agentRemove')
  }
}
