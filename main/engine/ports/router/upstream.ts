import http from 'node:http'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'

/** How long an idle connection to an app is kept: less than the keep-alive of the servers that people develop with. */
const IDLE = 4000
const FREE_MAXIMUM = 16
/** Apps may send larger headers than Node's 16 KiB: cookies of notebooks and of sign-on. */
export const MAXIMUM_HEADER = 64 * 1024

export type Reach = () => Promise<Duplex>

/** Answers like `net.connect`, for http's client: it knows sockets, and these are any kind of stream. */
type OnConnection = (error: Error | null, stream: Duplex) => void

/** What an Agent calls on its sockets; there is nothing to do for a stream that is no socket. */
interface SocketMethods {
  setKeepAlive(): unknown
  setNoDelay(): unknown
  setTimeout(): unknown
  ref(): unknown
  unref(): unknown
}

function likeSocket(stream: Duplex): Duplex {
  const partial = stream as Duplex & Partial<SocketMethods>
  partial.setKeepAlive ??= () => stream
  partial.setNoDelay ??= () => stream
  partial.setTimeout ??= () => stream
  partial.ref ??= () => stream
  partial.unref ??= () => stream
  return stream
}

/** Over TLS where the app speaks it. Its certificate is one for localhost that nobody signed; the way there is Berth's own. */
export async function connect(reach: Reach, secure: boolean): Promise<Duplex> {
  const stream = likeSocket(await reach())
  if (!secure) return stream
  return new Promise((resolve, reject) => {
    const encrypted = tls.connect({
      socket: stream,
      servername: 'localhost',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    })
    encrypted.once('secureConnect', () => {
      encrypted.off('error', reject)
      encrypted.on('error', () => undefined)
      resolve(encrypted)
    })
    encrypted.once('error', reject)
  })
}

/** For `http.request`'s `createConnection`: hands over the connection when it is there. */
export function connectFor(reach: Reach, secure: boolean) {
  return (_options: unknown, callback: OnConnection): undefined => {
    connect(reach, secure).then(
      (stream) => callback(null, stream),
      (error: Error) => callback(error, undefined as never),
    )
    return undefined
  }
}

/** Keeps connections to one app open between requests. */
export class UpstreamAgent extends http.Agent {
  /** Of each connection that was kept at some time: its end while idle, or nothing while it is in use. */
  readonly #idle = new WeakMap<Duplex, NodeJS.Timeout | undefined>()

  constructor(reach: Reach, secure: boolean) {
    super({ keepAlive: true, maxFreeSockets: FREE_MAXIMUM, scheduling: 'lifo' })
    this.createConnection = connectFor(reach, secure) as never
  }

  /** Called by http when a response was read to its end. */
  override keepSocketAlive(stream: Duplex): boolean {
    if (stream.destroyed || !stream.readable || !stream.writable) return false
    if (!this.#idle.has(stream)) {
      // Streams, unlike sockets, stay half open when the app has ended its side: no answer would come over them.
      const onEnd = () => {
        if (this.#idle.get(stream)) stream.destroy()
      }
      stream.on('end', onEnd)
      stream.once('close', () => clearTimeout(this.#idle.get(stream)))
    }
    this.#idle.set(
      stream,
      setTimeout(() => stream.destroy(), IDLE),
    )
    stream.resume()
    return true
  }

  override reuseSocket(stream: Duplex, request: http.ClientRequest): void {
    clearTimeout(this.#idle.get(stream))
    this.#idle.set(stream, undefined)
    super.reuseSocket(stream, request)
  }
}
