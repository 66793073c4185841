import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { Clock } from '../../../platform/clock'
import type { ApiWebSocket, RequestHeaders, StreamEnd } from '../api'
import { Deliveries, type Link, watchLiveness } from './liveness'
import { AnswerError, readError, untilAnswered } from './request'
import { binaryMessage } from './websocket-frame'

/** Bytes that may wait to be sent before {@link ApiWebSocket.send} says false, and when more is asked for. */
const HIGH_MARK = 1024 * 1024
const LOW_MARK = 256 * 1024
/** Servers send 32 KiB at most. */
const MESSAGE_LIMIT = 4 * 1024 * 1024
/** Milliseconds for the other side to say goodbye, too. */
const CLOSE_WITHIN = 5_000
const NORMAL = 1000

export interface WebSocketOptions {
  /** Open, TLS done; the websocket owns it. */
  readonly socket: Socket
  /** `https://host:6443/path?query`; `http:` for a connection without TLS. */
  readonly url: string
  readonly headers: RequestHeaders
  /** In the order of preference; none: without a protocol. */
  readonly protocols: readonly string[]
  readonly clock: Clock
  /** Milliseconds for the server to agree. 0: no limit. */
  readonly timeout: number
  readonly reachable: () => Promise<boolean>
  readonly signal?: AbortSignal
}

/** Rejects with the ApiError of a refusal, or with Node's error. */
export function openWebSocket(options: WebSocketOptions): Promise<ApiWebSocket> {
  const { socket, url, headers } = options
  return new Promise((resolve, reject) => {
    let protocol: string | undefined
    const websocket = new WebSocket(url, {
      createConnection: () => socket,
      headers: {
        'user-agent': 'berth',
        // Watches and logs are served by Go's x/net/websocket, which refuses whoever tells no origin.
        ...(options.protocols.length === 0 && { origin: new URL(url).origin }),
        ...headers,
      } as Record<string, string>,
      perMessageDeflate: false,
      maxPayload: MESSAGE_LIMIT,
      closeTimeout: CLOSE_WITHIN,
      skipUTF8Validation: true,
      finishRequest: (request: ClientRequest) => {
        // ws takes no name with a slash, such as "SPDY/3.1+portforward.k8s.io", for one of a protocol: it is not asked.
        if (options.protocols.length > 0) {
          request.setHeader('sec-websocket-protocol', options.protocols.join(', '))
        }
        request.prependListener('upgrade', (response: IncomingMessage) => {
          protocol = response.headers['sec-websocket-protocol']
          delete response.headers['sec-websocket-protocol']
        })
        request.end()
      },
    } as ConstructorParameters<typeof WebSocket>[2])
    const answered = untilAnswered(options, (error) => fail(error))
    const fail = (error: unknown) => {
      answered()
      socket.destroy()
      reject(error)
    }
    websocket.on('error', fail)
    websocket.once('unexpected-response', (_request, response) => {
      readError(response).then(fail, fail)
    })
    websocket.once('open', () => {
      const agreed = options.protocols.length === 0 ? (protocol ?? '') : protocol
      if (agreed === undefined || (agreed && !options.protocols.includes(agreed))) {
        fail(new AnswerError(`the server speaks none of ${options.protocols.join(', ')}`))
        return
      }
      answered()
      websocket.off('error', fail)
      resolve(new ClientWebSocket(websocket, agreed, options))
    })
  })
}

class ClientWebSocket implements ApiWebSocket {
  readonly protocol: string
  readonly ended: Promise<StreamEnd>
  readonly #websocket: WebSocket
  readonly #socket: Socket
  readonly #watch = new AbortController()
  #onMessage: ((data: Buffer) => void) | undefined
  #onDrain: (() => void) | undefined
  /** Came after a pause: what the socket had delivered is in whole chunks. */
  #held: Buffer[] = []
  #paused = false
  #full = false
  #received = 0
  readonly #deliveries = new Deliveries()
  #written = 0
  #end: StreamEnd | undefined
  #deadBecause: string | undefined

  constructor(websocket: WebSocket, protocol: string, options: WebSocketOptions) {
    this.protocol = protocol
    this.#websocket = websocket
    this.#socket = options.socket
    let error: Error | undefined
    // Nobody listens yet.
    this.pause()
    websocket.on('message', (data: Buffer) => this.#deliver(data))
    websocket.on('pong', (data: Buffer) => {
      if (data.length === 8) this.#deliveries.confirm(data.readDoubleBE())
    })
    websocket.on('error', (thrown) => {
      error = thrown
    })
    options.socket.on('error', (thrown) => {
      error ??= thrown
    })
    options.socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.length
    })
    // Reading began with that listener.
    options.socket.pause()
    this.ended = new Promise((resolve) => {
      websocket.once('close', (code, reason) => {
        this.#watch.abort()
        this.#end = endOf(code, reason.toString(), this.#deadBecause ?? error?.message)
        this.#settle(resolve)
      })
    })
    const { clock, reachable } = options
    const onDead = (reason: string) => {
      this.#deadBecause = reason
      this.destroy()
    }
    void watchLiveness(this.#link(), { clock, reachable, onDead }, this.#watch.signal)
  }

  onMessage(listener: (data: Buffer) => void): void {
    this.#onMessage = listener
    this.resume()
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener
  }

  pause(): void {
    this.#paused = true
    this.#websocket.pause()
  }

  resume(): void {
    this.#paused = false
    while (!this.#paused) {
      const data = this.#held.shift()
      if (!data) break
      this.#onMessage?.(data)
    }
    if (this.#paused) return
    this.#websocket.resume()
    this.#told?.()
  }

  send(...parts: readonly Uint8Array[]): boolean {
    if (this.#websocket.readyState !== WebSocket.OPEN) return true
    const frame = binaryMessage(parts)
    this.#deliveries.sent += frame.length
    this.#written += frame.length
    // The frames of ws, pings and the goodbye, are whole as well: both may write to the same socket.
    this.#socket.write(frame, this.#onWritten)
    if (this.#socket.writableLength <= HIGH_MARK) return true
    this.#full = true
    return false
  }

  close(): void {
    this.#websocket.close(NORMAL)
    // The other side's goodbye lies behind what nobody wants any more.
    this.#held = []
    this.#onMessage = () => undefined
    this.resume()
  }

  destroy(): void {
    this.#held = []
    this.#websocket.terminate()
    this.#socket.destroy()
    this.#told?.()
  }

  readonly #onWritten = () => {
    if (!this.#full || this.#socket.writableLength >= LOW_MARK) return
    this.#full = false
    this.#onDrain?.()
  }

  #deliver(data: Buffer): void {
    if (this.#paused) this.#held.push(data)
    else this.#onMessage?.(data)
  }

  #told: (() => void) | undefined

  /** Tells the end after the last message, and lets go who waits for more to be sent. */
  #settle(resolve: (end: StreamEnd) => void): void {
    this.#told = () => {
      if (this.#held.length > 0 || !this.#end) return
      this.#told = undefined
      resolve(this.#end)
    }
    this.#told()
    if (this.#full) this.#onDrain?.()
  }

  #link(): Link {
    const own = this
    return {
      get received() {
        return own.#received
      },
      get handedOver() {
        return own.#written - own.#socket.writableLength
      },
      get waiting() {
        return own.#socket.writableLength
      },
      get paused() {
        return own.#paused
      },
      get mayBeStuck() {
        return own.#deliveries.mayBeStuck
      },
      ping() {
        const upTo = Buffer.alloc(8)
        upTo.writeDoubleBE(own.#deliveries.sent)
        own.#websocket.ping(upTo, undefined, () => undefined)
      },
    }
  }
}

function endOf(code: number, words: string, failure: string | undefined): StreamEnd {
  if (failure) return { clean: false, reason: failure }
  if (code === NORMAL || code === 1005) return { clean: true, reason: words || 'closed' }
  if (code === 1006) return { clean: false, reason: 'the connection was lost' }
  return { clean: false, reason: words ? `closed with ${code}: ${words}` : `closed with ${code}` }
}
