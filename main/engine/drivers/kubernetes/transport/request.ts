import { setMaxListeners } from 'node:events'
import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { type Duplex, finished, type Readable } from 'node:stream'
import { after, type Clock } from '../../../platform/clock'
import type { CallOptions, Query, RequestHeaders } from '../api'
import { type ApiError, toApiError } from './errors'

/** Bytes of an answer that says no; more of it is no message. */
const ERROR_BODY_LIMIT = 1024 * 1024

/** The server took the request and said nothing. */
export class SilentServerError extends Error {
  readonly code = 'ETIMEDOUT'
  readonly seconds: number

  constructor(milliseconds: number) {
    const seconds = Math.round(milliseconds / 1000)
    super(`no answer for ${seconds} s`)
    this.name = 'SilentServerError'
    this.seconds = seconds
  }
}

/** What answers is no API server. */
export class AnswerError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AnswerError'
  }
}

/** Where a request goes and what it carries. */
export interface Envelope {
  readonly method: string
  readonly host: string
  /** With the query. */
  readonly path: string
  readonly headers: RequestHeaders
  /** An agent, or a connection that is open. */
  readonly connection: { readonly agent: Agent } | { readonly createConnection: () => Duplex }
}

/** The request itself, with the body's headers, not yet sent. */
export function makeRequest(envelope: Envelope, options: CallOptions, body?: string): ClientRequest {
  // One signal may cover any number of requests: Node's warning of a leak above ten would be a false one.
  if (options.signal) setMaxListeners(0, options.signal)
  return httpRequest({
    ...envelope.connection,
    method: envelope.method,
    path: envelope.path,
    headers: {
      host: envelope.host,
      'user-agent': 'berth',
      accept: 'application/json',
      ...(body !== undefined && {
        'content-type': options.contentType ?? 'application/json',
        'content-length': Buffer.byteLength(body),
      }),
      ...envelope.headers,
    },
    ...(options.signal && { signal: options.signal }),
  })
}

/**
 * Calls `fail` when the server has said nothing for so many milliseconds (0: never), or with the reason of the signal,
 * unless what this returns is called before.
 */
export function untilAnswered(
  limit: { readonly clock: Clock; readonly timeout: number; readonly signal?: AbortSignal },
  fail: (error: unknown) => void,
): () => void {
  const { clock, timeout, signal } = limit
  const aborted = () => fail(signal?.reason)
  signal?.addEventListener('abort', aborted)
  const inTime = timeout > 0 ? after(clock, timeout, () => fail(new SilentServerError(timeout))) : undefined
  return () => {
    inTime?.()
    signal?.removeEventListener('abort', aborted)
  }
}

/** Sends a request and resolves with an answer of status below 300; rejects with ApiError, or Node's error. */
export function send(
  request: ClientRequest,
  body: string | undefined,
  limit: { readonly clock: Clock; readonly timeout: number },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const answered = untilAnswered(limit, (error) => void request.destroy(error as Error))
    const fail = (error: unknown) => {
      answered()
      reject(error)
    }
    request.on('error', fail)
    request.once('response', (response) => {
      response.on('error', () => undefined)
      if ((response.statusCode ?? 500) < 300) {
        answered()
        resolve(response)
      } else {
        readError(response).then(fail, fail)
      }
    })
    request.end(body)
  })
}

/** What an answer of status 300 and above says, with the wait that it asks for. */
export async function readError(response: IncomingMessage): Promise<ApiError> {
  const status = response.statusCode ?? 500
  const error = toApiError(status, await readAll(response, ERROR_BODY_LIMIT))
  const { location } = response.headers
  if (status < 400 && location)
    return toApiError(status, Buffer.from(`it leads to ${location.split('?')[0]}`))
  retryAfter.set(error, secondsOf(response.headers['retry-after']) ?? error.details.retryAfterSeconds)
  return error
}

const retryAfter = new WeakMap<ApiError, number | undefined>()

/** Milliseconds after which the server wants to be asked again, where it said so with a 429 or 503. */
export function waitAsked(error: ApiError): number | undefined {
  if (error.status !== 429 && error.status !== 503) return undefined
  const seconds = retryAfter.get(error)
  return seconds === undefined ? undefined : Math.max(1, seconds) * 1000
}

function secondsOf(header: string | undefined): number | undefined {
  if (!header) return undefined
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return seconds
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : (date - Date.now()) / 1000
}

/** All of a body. Rejects with what broke it off. With a limit, what lies behind it is read and dropped. */
export function readAll(
  stream: Readable,
  limit = Number.POSITIVE_INFINITY,
  heard: () => void = () => undefined,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    stream.on('data', (chunk: Buffer) => {
      heard()
      if (length < limit) chunks.push(chunk)
      length += chunk.length
    })
    // By events: reading it as an iterator costs more than all else of a small answer.
    finished(stream, (error) => (error ? reject(error) : resolve(Buffer.concat(chunks))))
  })
}

/** Rejects, and ends the stream, when it is silent for so many milliseconds. 0: never. */
export async function readAllWithin(stream: Readable, clock: Clock, silence: number): Promise<Buffer> {
  if (silence === 0) return readAll(stream)
  let heardAt = clock.now()
  let stop: () => void = () => undefined
  const look = () => {
    const left = heardAt + silence - clock.now()
    if (left <= 0) stream.destroy(new SilentServerError(silence))
    else stop = after(clock, left, look)
  }
  look()
  try {
    return await readAll(stream, undefined, () => {
      heardAt = clock.now()
    })
  } finally {
    stop()
  }
}

export function toQuery(query: Query | undefined): string {
  if (!query) return ''
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (typeof value === 'object') for (const one of value) parameters.append(name, one)
    else parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text ? `?${text}` : ''
}
