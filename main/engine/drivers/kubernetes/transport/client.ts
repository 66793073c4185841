import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { after } from '../../../platform/clock'
import type { Platform } from '../../../platform/platform'
import type {
  ApiClient,
  ApiWebSocket,
  CallOptions,
  ClientIdentity,
  ClusterAccess,
  RequestHeaders,
  SpdySession,
  UpgradeOptions,
} from '../api'
import { Connector } from './connection'
import { ApiError, isStatus } from './errors'
import { CallPool } from './pool'
import { toApiProblem } from './problems'
import { AnswerError, makeRequest, readAllWithin, send, toQuery, waitAsked } from './request'
import { createSpdySession } from './spdy/session'
import { upgradeToSpdy } from './upgrade'
import { openWebSocket } from './websocket'
import { duplexOver } from './websocket-duplex'

/** Milliseconds until an answer has to begin, and in which a server that is busy is asked again. */
const ANSWER_WITHIN = 30_000
/** Milliseconds for the server to give any answer on a connection of its own when a stream seems dead. */
const PROBE_WITHIN = 5_000
/** Name under which fields are owned; `berth` in `kubectl get --show-managed-fields`. */
const FIELD_MANAGER = 'berth'
/** Before a stream protocol in the name of the websocket protocol that tunnels it (KEP-4006). */
const TUNNEL = 'SPDY/3.1+'

/** One API server as one user. Throws nothing: settings that cannot be used fail each call. */
export function createApiClient(
  access: ClusterAccess,
  identity: ClientIdentity,
  platform: Platform,
): ApiClient {
  return new Client(access, identity, platform)
}

class Client implements ApiClient {
  readonly identity: ClientIdentity
  readonly #access: ClusterAccess
  readonly #platform: Platform
  #opened: { readonly connector: Connector; readonly pool: CallPool } | undefined
  #probe: Promise<boolean> | undefined
  #disposed = false

  constructor(access: ClusterAccess, identity: ClientIdentity, platform: Platform) {
    this.identity = identity
    this.#access = access
    this.#platform = platform
  }

  async json<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const { clock } = this.#platform
    const body = await this.#patiently(options, async (headers) => {
      const response = await this.#call(method, path, headers, options)
      try {
        return await readAllWithin(response.message, clock, options.timeout ?? ANSWER_WITHIN)
      } finally {
        response.release()
      }
    })
    if (body.length === 0) return undefined as T
    try {
      return JSON.parse(body.toString('utf8')) as T
    } catch (error) {
      throw new AnswerError(`an answer that is no JSON: ${(error as Error).message}`)
    }
  }

  apply<T>(
    path: string,
    object: unknown,
    options: CallOptions & { readonly force?: boolean } = {},
  ): Promise<T> {
    const { force, ...rest } = options
    return this.json<T>('PATCH', path, {
      ...rest,
      query: { ...rest.query, fieldManager: FIELD_MANAGER, ...(force && { force }) },
      json: object,
      // JSON is YAML, and the only kind that an apply may have before 1.32.
      contentType: 'application/apply-patch+yaml',
    })
  }

  stream(path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    return this.#patiently(options, async (headers) => {
      const { connector } = this.#open()
      const socket = await connector.open(options.signal)
      const request = makeRequest(
        { ...this.#envelope('GET', path, options, headers), connection: { createConnection: () => socket } },
        options,
      )
      return send(request, undefined, this.#limit(options))
    })
  }

  async websocket(path: string, options: UpgradeOptions): Promise<ApiWebSocket> {
    return this.#upgrade(path, options, (socket, headers, target) =>
      openWebSocket({
        ...this.#upgradeLimits(options),
        socket,
        headers,
        url: `${this.#open().connector.url.origin}${target}`,
        protocols: options.protocols,
        reachable: this.#reachable,
      }),
    )
  }

  async spdy(path: string, options: UpgradeOptions): Promise<SpdySession> {
    const { clock } = this.#platform
    return this.#upgrade(path, options, async (socket, headers, target) => {
      const protocol = await upgradeToSpdy({
        ...this.#upgradeLimits(options),
        socket,
        headers,
        host: this.#open().connector.url.host,
        path: target,
        protocols: options.protocols,
      })
      return createSpdySession({ connection: socket, protocol, clock, reachable: this.#reachable })
    })
  }

  async spdyOverWebSocket(path: string, options: UpgradeOptions): Promise<SpdySession> {
    const protocols = options.protocols.map((protocol) => `${TUNNEL}${protocol}`)
    const websocket = await this.websocket(path, { ...options, protocols })
    return createSpdySession({
      connection: duplexOver(websocket),
      protocol: websocket.protocol.slice(TUNNEL.length),
      clock: this.#platform.clock,
    })
  }

  failure(error: unknown, title: string, signal?: AbortSignal): Error {
    return toApiProblem(error, {
      ...this.identity,
      title,
      refusal: () => this.#access.credentials.refusal(),
      ...(signal && { signal }),
    })
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    this.#opened?.pool.dispose()
    this.#opened?.connector.dispose()
  }

  #open(): { readonly connector: Connector; readonly pool: CallPool } {
    if (this.#disposed) {
      throw Object.assign(new Error('connection lost: the driver was closed'), { code: 'ECONNRESET' })
    }
    if (!this.#opened) {
      const connector = new Connector(this.#access, this.#platform.clock)
      this.#opened = { connector, pool: new CallPool(connector) }
    }
    return this.#opened
  }

  /**
   * Does something with the headers of who asks. After a 401 once more, with what the credentials give then; after a
   * 429 or 503 that names a time, as long as the limit of the call allows.
   */
  async #patiently<T>(
    options: { readonly signal?: AbortSignal; readonly timeout?: number },
    attempt: (headers: RequestHeaders) => Promise<T>,
  ): Promise<T> {
    const { credentials } = this.#access
    const { clock } = this.#platform
    const { signal } = options
    const until = clock.now() + (options.timeout || ANSWER_WITHIN)
    for (let renewed = false; ; ) {
      signal?.throwIfAborted()
      const headers = await credentials.headers(signal)
      try {
        return await attempt(headers)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (isStatus(error, 401) && !renewed) {
          renewed = true
          credentials.rejected(headers)
          continue
        }
        const wait = waitAsked(error)
        if (wait === undefined || clock.now() + wait > until) throw error
        await clock.sleep(wait, signal)
      }
    }
  }

  /** Answers come over connections that wait for reuse. Release when the body is read. */
  async #call(
    method: string,
    path: string,
    headers: RequestHeaders,
    options: CallOptions,
  ): Promise<{ readonly message: IncomingMessage; release(): void }> {
    const body = options.json === undefined ? undefined : JSON.stringify(options.json)
    const envelope = this.#envelope(method, path, options, headers)
    const { connector, pool } = this.#open()
    const lease = await pool.lease(options.signal)
    try {
      for (let isRetry = false; ; isRetry = true) {
        // What must not be done twice goes over a connection that cannot have been closed while it waited for reuse.
        const connection =
          method === 'POST'
            ? await connector.open(options.signal).then((socket) => ({ createConnection: () => socket }))
            : { agent: lease.agent }
        const request = makeRequest({ ...envelope, connection }, options, body)
        try {
          return { message: await send(request, body, this.#limit(options)), release: lease.release }
        } catch (error) {
          const isStale = request.reusedSocket && !isRetry && isReset(error) && !options.signal?.aborted
          if (!isStale) throw error
          pool.forgetIdle()
        }
      }
    } catch (error) {
      lease.release()
      throw error
    }
  }

  async #upgrade<T>(
    path: string,
    options: UpgradeOptions,
    act: (socket: Socket, headers: RequestHeaders, target: string) => Promise<T>,
  ): Promise<T> {
    return this.#patiently(options, async (headers) => {
      const { connector } = this.#open()
      const socket = await connector.open(options.signal)
      return act(socket, headers, this.#target(path, options))
    })
  }

  #upgradeLimits(options: UpgradeOptions) {
    return {
      clock: this.#platform.clock,
      timeout: options.timeout ?? ANSWER_WITHIN,
      ...(options.signal && { signal: options.signal }),
    }
  }

  #envelope(method: string, path: string, options: CallOptions, headers: RequestHeaders) {
    return { method, host: this.#open().connector.url.host, path: this.#target(path, options), headers }
  }

  #target(path: string, { query }: Pick<CallOptions, 'query'>): string {
    const prefix = this.#open().connector.url.pathname.replace(/\/+$/, '')
    return `${prefix}${path}${toQuery(query)}`
  }

  #limit(options: CallOptions) {
    return { clock: this.#platform.clock, timeout: options.timeout ?? ANSWER_WITHIN }
  }

  /** Whether the server answers anything at all on a new connection; asked once for all streams that wonder. */
  readonly #reachable = (): Promise<boolean> => {
    this.#probe ??= this.#askWhetherReachable().finally(() => {
      this.#probe = undefined
    })
    return this.#probe
  }

  async #askWhetherReachable(): Promise<boolean> {
    const { clock } = this.#platform
    const late = new AbortController()
    const done = after(clock, PROBE_WITHIN, () => late.abort())
    try {
      const socket = await this.#open().connector.open(late.signal)
      const request = makeRequest(
        { ...this.#envelope('GET', '/version', {}, {}), connection: { createConnection: () => socket } },
        { signal: late.signal },
      )
      const response = await send(request, undefined, { clock, timeout: 0 })
      response.destroy()
      return true
    } catch (error) {
      return error instanceof ApiError
    } finally {
      done()
    }
  }
}

function isReset(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ECONNRESET' || code === 'EPIPE'
}
