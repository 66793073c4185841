import http from 'node:http'
import type { Carried } from '../splice'
import { type AddressMap, requestHeaders, responseHeaders, withoutHeader } from './headers'
import { abortable, connectFor, MAXIMUM_HEADER, type Reach, type UpstreamAgent } from './upstream'

/** Where a request goes, and how. */
export interface Route {
  readonly map: AddressMap
  readonly secure: boolean
  /** Hears of what passes over one connection or request. */
  readonly carries?: () => Carried
  /** Makes a new connection. */
  readonly reach: Reach
  /** Has connections that are kept between requests. Absent: this request has one of its own. */
  readonly agent?: UpstreamAgent
}

/** Without a body and without effect: may go over a kept connection, and again when that one turns out to be dead. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Of which a server wants to hear the length even of an empty body. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

export function hasBody({ headers }: http.IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    (headers['content-length'] !== undefined && headers['content-length'] !== '0')
  )
}

function upstreamHeaders(request: http.IncomingMessage, map: AddressMap): string[] {
  const headers = requestHeaders(request.rawHeaders, map)
  if (request.headers['transfer-encoding'] !== undefined) headers.push('Transfer-Encoding', 'chunked')
  else if (request.headers['content-length'] === undefined && WITH_BODY.has(request.method ?? '')) {
    headers.push('Content-Length', '0')
  }
  return headers
}

function trailers(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return pairs
}

/** Whether an answer to this request can have trailers; where it cannot, node:http refuses to announce them. */
function mayHaveTrailers(request: http.IncomingMessage, answer: http.IncomingMessage): boolean {
  const status = answer.statusCode ?? 0
  return (
    answer.headers['transfer-encoding'] !== undefined &&
    request.httpVersion !== '1.0' &&
    request.method !== 'HEAD' &&
    status !== 204 &&
    status !== 304
  )
}

export interface ProxyOptions {
  /** Aborts once nobody waits for the answer any more. */
  readonly gone: AbortSignal
  /** Called when there is no answer to pass back. */
  readonly onFailure: (error: Error) => void
}

/**
 * Passes one request on and its answer back, both as they come and no faster than they are read. What breaks after
 * the answer has begun breaks this response only.
 */
export function proxyRequest(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  route: Route,
  options: ProxyOptions,
): void {
  const { gone, onFailure } = options
  const { agent } = route
  const carried = route.carries?.()
  carried?.(0, true)
  const body = hasBody(request)
  const pooled = agent !== undefined && !body && SAFE.has(request.method ?? '')
  const upstream = http.request({
    method: request.method,
    path: request.url,
    headers: upstreamHeaders(request, route.map) as never,
    maxHeaderSize: MAXIMUM_HEADER,
    ...abortable(gone),
    ...(pooled ? { agent } : { createConnection: connectFor(route.reach, route.secure) as never }),
  })
  let answer: http.IncomingMessage | undefined
  let failed = false
  /** Many clients read no answer, and send no other request, before their body is sent, whoever takes it. */
  const dropBody = () => {
    request.unpipe(upstream)
    request.resume()
  }
  const fail = (error: Error) => {
    dropBody()
    if (failed || gone.aborted) return
    failed = true
    if (!pooled || !upstream.reusedSocket) return onFailure(error)
    // Its app ended the kept connection meanwhile, and maybe others of them too: again over one that is new.
    const { agent: _, ...fresh } = route
    proxyRequest(request, response, fresh, options)
  }

  upstream.on('continue', () => response.writeContinue())
  upstream.on('response', (received) => {
    let passed = responseHeaders(received.rawHeaders, route.map)
    if (!mayHaveTrailers(request, received)) passed = withoutHeader(passed, 'trailer')
    try {
      response.sendDate = false
      response.writeHead(received.statusCode ?? 502, received.statusMessage, passed)
    } catch (error) {
      // Not an answer that can be said again, such as one with status 99.
      upstream.destroy()
      fail(error as Error)
      return
    }
    answer = received
    response.flushHeaders()
    if (carried) received.on('data', (piece: Buffer) => carried(piece.length, false))
    received.pipe(response, { end: false })
    received.on('end', () => {
      if (received.rawTrailers.length > 0) response.addTrailers(trailers(received.rawTrailers))
      response.end()
    })
    // An answer that is cut must not look whole.
    received.on('error', () => response.destroy())
    received.on('close', () => {
      if (!received.complete) response.destroy()
    })
  })
  upstream.on('error', (error) => {
    if (!answer) fail(error)
    // The app may have refused the body and said so: then all is there.
    else if (!answer.complete) response.destroy()
  })
  // Also without an error, as after a switch of protocols that nobody asked for.
  upstream.on('close', () => {
    if (answer) dropBody()
    else fail(new Error('the connection was closed'))
  })
  if (!body) {
    upstream.end()
    return
  }
  upstream.flushHeaders()
  request.on('error', () => upstream.destroy())
  request.pipe(upstream, { end: false })
  request.on('end', () => {
    if (upstream.destroyed) return
    if (request.rawTrailers.length > 0) upstream.addTrailers(trailers(request.rawTrailers))
    upstream.end()
  })
}
