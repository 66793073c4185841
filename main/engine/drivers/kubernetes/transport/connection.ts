import { setMaxListeners } from 'node:events'
import { isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { after, type Clock } from '../../../platform/clock'
import type { ClusterAccess, TlsIdentity } from '../api'
import { AccessError } from './errors'
import { type Address, addressOf, eventOf, openTcp, openThroughProxy } from './proxy'
import { makeTlsSettings, proxyTrust, sameIdentity, type TlsSettings } from './tls'

/** Milliseconds for a connection to be there: name, TCP, proxy and TLS together. */
const CONNECT_WITHIN = 15_000

/** Which certificates a connection was made with. Two of the same number are the same. */
export type Generation = number

/** Opens connections to one API server, with the certificates of the moment, and ends them all with itself. */
export class Connector {
  /** The server's URL; its path is the prefix of every request. */
  readonly url: URL
  readonly #access: ClusterAccess
  readonly #clock: Clock
  readonly #address: Address
  readonly #sockets = new Set<Socket>()
  readonly #disposed = new AbortController()
  #identity: TlsIdentity | undefined
  #settings: TlsSettings | undefined
  #generation = 0

  /** Throws AccessError for a server that Berth does not talk to. */
  constructor(access: ClusterAccess, clock: Clock) {
    // One listener for each connection under way: more than ten are no leak.
    setMaxListeners(0, this.#disposed.signal)
    this.#access = access
    this.#clock = clock
    this.url = parseServer(access.server)
    this.#address = addressOf(this.url, this.isSecure ? 443 : 80)
  }

  get isSecure(): boolean {
    return this.url.protocol === 'https:'
  }

  /** Changes when the certificates have changed: connections of an earlier one are not to be used for new calls. */
  async generation(): Promise<Generation> {
    if (!this.isSecure) return 0
    const identity = await this.#access.credentials.tls()
    if (!this.#identity || !sameIdentity(identity, this.#identity)) {
      this.#settings = makeTlsSettings(this.#address.host, identity)
      this.#generation++
    }
    this.#identity = identity
    return this.#generation
  }

  /** A new connection, on which TLS is done. Its errors have a listener. Rejects with the raw error. */
  async open(signal?: AbortSignal): Promise<Socket> {
    if (this.#disposed.signal.aborted) throw closedError()
    await this.generation()
    const settings = this.#settings
    const identity = this.#identity ?? { skipVerify: false }
    const limit = new AbortController()
    if (signal) setMaxListeners(0, signal)
    const ends = [this.#disposed.signal, ...(signal ? [signal] : [])]
    const aborted = () => limit.abort(ends.find((source) => source.aborted)?.reason)
    for (const source of ends) source.addEventListener('abort', aborted)
    if (ends.some((source) => source.aborted)) aborted()
    const done = after(this.#clock, CONNECT_WITHIN, () =>
      limit.abort(Object.assign(new Error('no connection within 15 s'), { code: 'ETIMEDOUT' })),
    )
    try {
      const { proxy } = this.#access
      const socket = proxy
        ? await openThroughProxy(proxy, this.#address, limit.signal, () => proxyTrust(identity))
        : await openTcp(this.#address, limit.signal)
      return this.#keep(settings ? await secure(socket, settings, limit.signal) : socket)
    } finally {
      done()
      for (const source of ends) source.removeEventListener('abort', aborted)
    }
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  /** Ends every connection, in use or not. */
  dispose(): void {
    this.#disposed.abort(closedError())
    for (const socket of [...this.#sockets]) socket.destroy(closedError())
  }
}

function closedError(): Error {
  return Object.assign(new Error('connection lost: the driver was closed'), { code: 'ECONNRESET' })
}

async function secure(socket: Socket, settings: TlsSettings, signal: AbortSignal): Promise<Socket> {
  const { context, ...options } = settings
  const connection = connectTls({ socket, secureContext: context, ALPNProtocols: ['http/1.1'], ...options })
  connection.on('error', () => undefined)
  try {
    await eventOf(connection, 'secureConnect', signal)
  } catch (error) {
    socket.destroy()
    throw error
  }
  return connection
}

function parseServer(server: string): URL {
  let url: URL
  try {
    url = new URL(server)
  } catch {
    throw new AccessError(`"${server}" is no address of a server`)
  }
  if (url.protocol === 'https:') return url
  if (url.protocol !== 'http:') throw new AccessError(`"${server}" begins with neither https:// nor http://`)
  if (!isLoopback(url.hostname)) {
    throw new AccessError(
      `"${server}" is not encrypted, and not on this machine: credentials would go over the network in the clear`,
    )
  }
  return url
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) === 4) return host.startsWith('127.')
  return host === '::1' || host === 'localhost' || host.endsWith('.localhost')
}
