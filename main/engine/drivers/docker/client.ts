import { setMaxListeners } from 'node:events'
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { problem } from '#contract'
import type { VersionAnswer } from './api'
import type { Transport } from './connection/transport'
import { BodyError, EngineError, timedOut, toEngineProblem } from './problems'
import { readResponseHead } from './streams/response-head'

/** The newest API version that Berth was written against. */
const OUR_API = '1.47'
/** The oldest it works with: Docker 19.03, of 2019. */
const OLDEST_API = '1.40'

/** A list becomes a parameter of the same name for each. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export interface RequestOptions {
  readonly query?: Query
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it comes, with backpressure. */
  readonly body?: Readable
  readonly headers?: OutgoingHttpHeaders
  readonly signal?: AbortSignal
  /** Milliseconds until the answer has to begin; absent: no limit, for what may take long. */
  readonly timeout?: number
  /** What {@link EngineClient.upgrade} changes to; absent: `tcp`, which are raw bytes. */
  readonly upgrade?: string
}

export interface ClientIdentity {
  readonly targetName: string
  /** For display. */
  readonly endpoint: string
}

/** A connection taken over from HTTP: raw bytes both ways. `head` are bytes that came along with the answer. */
export interface RawConnection {
  readonly socket: Duplex
  readonly head: Buffer
}

/**
 * The Docker Engine API over one transport. dockerode is not used: it neither negotiates versions nor half-closes
 * over TLS and ssh, its streams know no backpressure, and importing it costs 270 ms and 29 MB for what is left of it.
 *
 * All methods reject with the raw error ({@link EngineError}, {@link SshError} or Node's); {@link EngineClient.failure}
 * makes a Problem of it.
 */
export class EngineClient {
  readonly identity: ClientIdentity
  readonly #transport: Transport
  #versions: Promise<VersionAnswer> | undefined
  #prefix: string | undefined

  constructor(transport: Transport, identity: ClientIdentity) {
    this.#transport = transport
    this.identity = identity
  }

  /** The ProblemError of a failed request. `title` says what was being done. */
  failure(error: unknown, title: string, signal?: AbortSignal): Error {
    return toEngineProblem(error, { title, ...this.identity, ...(signal && { signal }) })
  }

  /** What the engine is; asked once per connection to it. Rejects with `target-too-old` where it cannot be used. */
  async negotiate(signal?: AbortSignal): Promise<VersionAnswer> {
    const asked = this.#versions ?? this.#ask()
    this.#versions = asked
    try {
      return signal ? await raceAbort(asked, signal) : await asked
    } catch (error) {
      if (this.#versions === asked && !signal?.aborted) this.#versions = undefined
      throw error
    }
  }

  async #ask(): Promise<VersionAnswer> {
    const answer = await this.#fetchJson<VersionAnswer>('GET', '/version', { timeout: 15_000 })
    const { targetName, endpoint } = this.identity
    if (typeof answer?.ApiVersion !== 'string') throw new Error('400 Bad Request: this is no Docker engine')
    if (compareVersions(answer.ApiVersion, OLDEST_API) < 0) {
      throw problem({
        code: 'target-too-old',
        title: `The Docker engine "${targetName}" is too old`,
        cause: `It is version ${answer.Version} (API ${answer.ApiVersion}); Berth needs 19.03 (API ${OLDEST_API}) or newer.`,
        remedy: `Update Docker on the machine behind ${endpoint}.`,
      })
    }
    if (compareVersions(answer.MinAPIVersion ?? OLDEST_API, OUR_API) > 0) {
      throw problem({
        code: 'unsupported',
        title: `The Docker engine "${targetName}" is newer than this Berth`,
        cause: `It speaks API ${answer.MinAPIVersion} and newer; this Berth speaks ${OUR_API}.`,
        remedy: 'Update Berth.',
      })
    }
    this.#prefix = `/v${compareVersions(answer.ApiVersion, OUR_API) < 0 ? answer.ApiVersion : OUR_API}`
    return answer
  }

  /** The agreed version, such as `1.41`. */
  async apiVersion(signal?: AbortSignal): Promise<string> {
    if (!this.#prefix) await this.negotiate(signal)
    return (this.#prefix ?? `/v${OLDEST_API}`).slice(2)
  }

  /** Asks again for version and identity: after a disconnect the engine may be another one. */
  forgetConnection(): void {
    this.#versions = undefined
    this.#prefix = undefined
    this.#transport.forgetIdle()
  }

  async #path(path: string, query: Query | undefined, signal?: AbortSignal): Promise<string> {
    if (!this.#prefix) await this.negotiate(signal)
    return `${this.#prefix}${path}${toQuery(query)}`
  }

  /** A request with a JSON answer; `undefined` for an empty one. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return this.#fetchJson<T>(method, await this.#path(path, options.query, options.signal), options)
  }

  async #fetchJson<T>(method: string, path: string, options: RequestOptions): Promise<T> {
    const response = await this.#send(method, path, options)
    const text = (await readAll(response)).toString('utf8')
    return (text ? JSON.parse(text) : undefined) as T
  }

  /** A request with a body to read, of status 2xx. Whoever gets it must read or destroy it, and listen to its errors. */
  async stream(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    return this.#send(method, await this.#path(path, options.query, options.signal), options)
  }

  /** Headers of an answer without a body; undefined where the engine says 404. */
  async head(path: string, options: RequestOptions = {}): Promise<IncomingMessage['headers'] | undefined> {
    try {
      const response = await this.#send(
        'HEAD',
        await this.#path(path, options.query, options.signal),
        options,
      )
      response.resume()
      return response.headers
    } catch (error) {
      if (error instanceof EngineError && error.status === 404) return undefined
      throw error
    }
  }

  /** A POST that turns its connection into a raw one (exec and attach). */
  async upgrade(path: string, options: RequestOptions): Promise<RawConnection> {
    const target = await this.#path(path, options.query, options.signal)
    return new Promise((resolve, reject) => {
      const upgrade = options.upgrade ?? 'tcp'
      const request = this.#request('POST', target, options, { connection: 'Upgrade', upgrade })
      request.once('upgrade', (_response, socket, head) => {
        socket.on('error', () => undefined)
        resolve({ socket, head })
      })
      request.once('response', (response) => {
        readAll(response).then(
          (body) => reject(answerError(response.statusCode ?? 500, body)),
          (error: unknown) => reject(error),
        )
      })
      request.once('error', reject)
      request.end(options.upgrade === undefined ? JSON.stringify(options.json ?? {}) : undefined)
    })
  }

  /**
   * A GET whose body arrives as raw bytes until the connection ends, over HTTP/1.0: the engine sends each log line as
   * a chunk of its own, and node:http needs 50 times longer per chunk than per line.
   */
  async raw(path: string, options: RequestOptions): Promise<RawConnection> {
    const target = await this.#path(path, options.query, options.signal)
    options.signal?.throwIfAborted()
    const socket = this.#transport.connect()
    socket.write(`GET ${target} HTTP/1.0\r\nHost: docker\r\nUser-Agent: berth\r\n\r\n`)
    try {
      const { status, head } = await readResponseHead(socket, options.signal)
      if (status < 300) return { socket, head }
      const rest: Buffer[] = [head]
      for await (const chunk of socket) rest.push(chunk as Buffer)
      throw answerError(status, Buffer.concat(rest))
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  async #send(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
    for (let attempt = 0; ; attempt++) {
      let request: ClientRequest | undefined
      try {
        request = this.#request(method, path, options)
        return await this.#answer(request, options)
      } catch (error) {
        // The engine closed a connection that was waiting for reuse: the request never arrived.
        const stale = request?.reusedSocket && attempt === 0 && !options.body && isReset(error)
        if (!stale || options.signal?.aborted) throw error
        this.#transport.forgetIdle()
      }
    }
  }

  #request(
    method: string,
    path: string,
    options: RequestOptions,
    headers: OutgoingHttpHeaders = {},
  ): ClientRequest {
    const body = options.json === undefined ? undefined : JSON.stringify(options.json)
    // One signal may cover any number of requests: Node's warning of a leak above ten would be a false one.
    if (options.signal) setMaxListeners(0, options.signal)
    return httpRequest({
      agent: this.#transport.agent,
      host: 'docker',
      method,
      path,
      headers: {
        'user-agent': 'berth',
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
        ...(options.body && { 'content-type': 'application/x-tar', 'transfer-encoding': 'chunked' }),
        ...options.headers,
        ...headers,
      },
      ...(options.signal && { signal: options.signal }),
    })
  }

  #answer(request: ClientRequest, options: RequestOptions): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const { body } = options
      const fail = (error: unknown) => {
        clearTimeout(timer)
        if (body) {
          body.on('error', () => undefined)
          body.destroy()
          // An answer that came before all was sent: what is left would hold the connection for ever.
          request.destroy()
        }
        reject(error)
      }
      const bodyFailed = (error: Error) => {
        request.destroy(new BodyError(error))
      }
      if (options.timeout) {
        timer = setTimeout(() => {
          const { targetName, endpoint } = this.identity
          request.destroy(timedOut(targetName, endpoint, Math.round((options.timeout ?? 0) / 1000)))
        }, options.timeout)
      }
      request.on('error', fail)
      request.once('response', (response) => {
        clearTimeout(timer)
        response.on('error', () => undefined)
        const status = response.statusCode ?? 500
        if (status < 300 || status === 304) return resolve(response)
        readAll(response).then((text) => fail(answerError(status, text)), fail)
      })
      if (body) {
        body.on('error', bodyFailed)
        // Whoever makes the body is let go when nobody takes it any more.
        request.once('close', () => {
          body.on('error', () => undefined)
          body.destroy()
        })
        body.pipe(request)
      } else {
        request.end(options.json === undefined ? undefined : JSON.stringify(options.json))
      }
    })
  }
}

function answerError(status: number, body: Buffer): EngineError {
  const text = body.toString('utf8').trim()
  try {
    const parsed = JSON.parse(text) as { message?: unknown }
    if (typeof parsed.message === 'string') return new EngineError(status, parsed.message)
  } catch {
    // Proxies in front of an engine answer in plain text.
  }
  return new EngineError(status, text || `status ${status}`)
}

function isReset(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ECONNRESET' || code === 'EPIPE'
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export function toQuery(query: Query | undefined): string {
  if (!query) return ''
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (typeof value === 'object') for (const one of value) parameters.append(name, one)
    else parameters.set(name, typeof value === 'boolean' ? (value ? '1' : '0') : String(value))
  }
  const text = parameters.toString()
  return text ? `?${text}` : ''
}

/** Compares `major.minor` versions. */
export function compareVersions(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number)
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number)
  return leftMajor - rightMajor || leftMinor - rightMinor
}

/** Settles as `promise` does, or rejects with the signal's reason when that comes first. */
export function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
