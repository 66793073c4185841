import { request as httpRequest } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { AccessError, ProxyError } from './errors'

/** Milliseconds of silence after which TCP asks whether the other side is still there. */
const TCP_KEEPALIVE = 15_000

/** Whose certificates are taken. */
export type Trust = Pick<ConnectionOptions, 'ca' | 'rejectUnauthorized'>

export interface Address {
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
}

export function addressOf(url: URL, defaultPort: number): Address {
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || defaultPort }
}

/** Connects over TCP; rejects with Node's error. Aborting destroys what is under way. */
export async function openTcp(address: Address, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const socket = connectTcp({
    ...address,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEPALIVE,
  })
  // Errors of a socket that nobody waits for any more are no news.
  socket.on('error', () => undefined)
  await eventOf(socket, 'connect', signal)
  return socket
}

/** Resolves with the event; a socket that fails, closes or is aborted before it is destroyed. */
export function eventOf(
  socket: Socket,
  event: 'connect' | 'secureConnect' | 'readable',
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = (act: () => void) => {
      socket.off(event, onEvent)
      socket.off('error', onError)
      socket.off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      act()
    }
    const fail = (error: unknown) =>
      over(() => {
        socket.destroy()
        reject(error)
      })
    const onEvent = () => over(resolve)
    const onError = (error: Error) => fail(error)
    const onClose = () => fail(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }))
    const onAbort = () => fail(signal.reason)
    socket.once(event, onEvent)
    socket.once('error', onError)
    socket.once('close', onClose)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

/**
 * A connection to `target` through `proxy`: `http:` and `https:` by CONNECT (RFC 9110, section 9.3.6), `socks5:` and
 * `socks5h:` by RFC 1928, both letting the proxy look names up, as kubectl does. Credentials are in the URL. A proxy's
 * own certificate is checked with `trust`.
 */
export async function openThroughProxy(
  proxy: string,
  target: Address,
  signal: AbortSignal,
  trust: () => Trust = () => ({}),
): Promise<Socket> {
  const url = parseProxy(proxy)
  const shown = `${url.protocol}//${url.host}`
  try {
    switch (url.protocol) {
      case 'http:':
        return await connectHttp(await openTcp(addressOf(url, 80), signal), url, target, signal)
      case 'https:': {
        const address = addressOf(url, 443)
        const socket = await openTcp(address, signal)
        const secure = connectTls({
          ...trust(),
          socket,
          host: address.host,
          servername: isIP(address.host) ? '' : address.host,
        })
        secure.on('error', () => undefined)
        await eventOf(secure, 'secureConnect', signal)
        return await connectHttp(secure, url, target, signal)
      }
      default:
        return await connectSocks(await openTcp(addressOf(url, 1080), signal), url, target, signal)
    }
  } catch (error) {
    if (signal.aborted || error instanceof ProxyError) throw error
    throw new ProxyError(shown, `cannot be used: ${(error as Error).message}`, { cause: error })
  }
}

function parseProxy(proxy: string): URL {
  let url: URL
  try {
    url = new URL(proxy.includes('://') ? proxy : `http://${proxy}`)
  } catch {
    throw new AccessError('the proxy of the cluster is no URL')
  }
  if (!['http:', 'https:', 'socks5:', 'socks5h:'].includes(url.protocol)) {
    throw new AccessError(`a proxy of kind "${url.protocol.slice(0, -1)}" cannot be used`)
  }
  return url
}

function credentialsOf(url: URL): { readonly user: string; readonly password: string } | undefined {
  if (!url.username && !url.password) return undefined
  return { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
}

function connectHttp(socket: Socket, url: URL, target: Address, signal: AbortSignal): Promise<Socket> {
  const credentials = credentialsOf(url)
  const authority = `${isIP(target.host) === 6 ? `[${target.host}]` : target.host}:${target.port}`
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(error)
    }
    const onAbort = () => fail(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const request = httpRequest({
      method: 'CONNECT',
      path: authority,
      createConnection: () => socket,
      headers: {
        host: authority,
        ...(credentials && {
          'proxy-authorization': `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`,
        }),
      },
    })
    request.once('error', fail)
    request.once('connect', (response, _socket, head) => {
      signal.removeEventListener('abort', onAbort)
      const status = response.statusCode ?? 0
      if (status < 200 || status >= 300) {
        const shown = `${url.protocol}//${url.host}`
        return fail(
          new ProxyError(shown, `answered ${status} ${response.statusMessage ?? ''}`.trim(), { status }),
        )
      }
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    request.end()
  })
}

const socksFailures: Readonly<Record<number, string>> = {
  1: 'failed',
  2: 'does not allow the connection',
  3: 'says that the network cannot be reached',
  4: 'says that the host cannot be reached',
  5: 'says that the connection was refused',
  6: 'says that it took too long',
  7: 'does not know the command',
  8: 'does not know this kind of address',
}

async function connectSocks(socket: Socket, url: URL, target: Address, signal: AbortSignal): Promise<Socket> {
  const shown = `${url.protocol}//${url.host}`
  const credentials = credentialsOf(url)
  const reader = new CountedReader(socket, signal)
  const read = (length: number) => reader.read(length)
  try {
    socket.write(credentials ? Buffer.from([5, 2, 0, 2]) : Buffer.from([5, 1, 0]))
    const [version, method] = await read(2)
    if (version !== 5) throw new ProxyError(shown, 'does not speak SOCKS 5')
    if (method === 2 && credentials) {
      // RFC 1929
      const user = Buffer.from(credentials.user)
      const password = Buffer.from(credentials.password)
      socket.write(
        Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]),
      )
      const [, status] = await read(2)
      if (status !== 0) throw new ProxyError(shown, 'does not accept the user and password')
    } else if (method !== 0) {
      throw new ProxyError(shown, 'wants another kind of login')
    }
    const name = Buffer.from(target.host)
    const port = Buffer.from([target.port >> 8, target.port & 0xff])
    socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, port]))
    const [, reply = 1, , kind] = await read(4)
    if (reply !== 0) throw new ProxyError(shown, socksFailures[reply] ?? `failed with ${reply}`)
    // The address that the proxy bound: of no interest, but it has to be read.
    const length = kind === 1 ? 4 : kind === 4 ? 16 : ((await read(1))[0] ?? 0)
    await read(length + 2)
    reader.done()
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/**
 * Bytes of a socket by count. Takes what is there and waits for more: to ask the socket for a count that it does not
 * have yet, again at each `readable`, would keep the process from ever receiving it.
 */
class CountedReader {
  readonly #socket: Socket
  readonly #signal: AbortSignal
  #rest: Buffer = Buffer.alloc(0)

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.#signal = signal
  }

  async read(length: number): Promise<Buffer> {
    while (this.#rest.length < length) {
      const bytes = this.#socket.read() as Buffer | null
      if (bytes) this.#rest = Buffer.concat([this.#rest, bytes])
      else if (this.#socket.readableEnded || this.#socket.destroyed)
        throw new Error('the connection was closed')
      else await eventOf(this.#socket, 'readable', this.#signal)
    }
    const wanted = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return wanted
  }

  /** Gives back what was not asked for. */
  done(): void {
    if (this.#rest.length > 0) this.#socket.unshift(this.#rest)
  }
}
