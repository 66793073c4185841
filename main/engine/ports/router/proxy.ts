import http from 'node:http'
import type { Duplex } from 'node:stream'
import { reset, splice } from '../splice'
import { type AddressMap, requestHeaders, responseHeaders } from './headers'
import { connectFor, MAXIMUM_HEADER, type Reach, type UpstreamAgent } from './upstream'

/** Where a request goes, and how. */
export interface Route {
  readonly map: AddressMap
  readonly secure: boolean
  readonly reach: Reach
  readonly agent: UpstreamAgent
}

/** Without a body and without effect: may go over a kept connection, and again when that one turns out to be dead. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Of which a server wants to hear the length even of an empty body. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

function hasBody(request: http.IncomingMessage): boolean {
  const { headers } = request
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

/**
 * Passes one request on and its answer back, both as they come and no faster than they are read. `onFailure` is
 * called when there is no answer to pass back; what breaks later breaks this response only.
 */
export function proxyRequest(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  route: Route,
  onFailure: (error: Error) => void,
  retried = false,
): void {
  const body = hasBody(request)
  const pooled = !body && SAFE.has(request.method ?? '')
  const upstream = http.request({
    method: request.method,
    path: request.url,
    headers: upstreamHeaders(request, route.map) as never,
    maxHeaderSize: MAXIMUM_HEADER,
    ...(pooled
      ? { agent: route.agent }
      : { createConnection: connectFor(route.reach, route.secure) as never }),
  })
  let answered = false
  const onClosed = () => {
    if (!response.writableFinished) upstream.destroy()
  }
  response.once('close', onClosed)

  upstream.on('continue', () => response.writeContinue())
  upstream.on('response', (answer) => {
    answered = true
    response.sendDate = false
    response.writeHead(
      answer.statusCode ?? 502,
      answer.statusMessage,
      responseHeaders(answer.rawHeaders, route.map),
    )
    response.flushHeaders()
    answer.pipe(response, { end: false })
    answer.on('end', () => {
      if (answer.rawTrailers.length > 0) response.addTrailers(trailers(answer.rawTrailers))
      response.end()
    })
    // An answer that is cut must not look whole.
    answer.on('error', () => response.destroy())
    answer.on('close', () => {
      if (!answer.complete) response.destroy()
    })
  })
  upstream.on('error', (error) => {
    if (answered || response.destroyed) {
      response.destroy()
      return
    }
    response.off('close', onClosed)
    if (pooled && upstream.reusedSocket && !retried) {
      proxyRequest(request, response, route, onFailure, true)
      return
    }
    onFailure(error)
  })
  if (!body) {
    upstream.end()
    return
  }
  upstream.flushHeaders()
  request.on('error', () => upstream.destroy())
  request.pipe(upstream, { end: false })
  request.on('end', () => {
    if (request.rawTrailers.length > 0) upstream.addTrailers(trailers(request.rawTrailers))
    upstream.end()
  })
}

function statusLine(answer: http.IncomingMessage, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage ?? ''}`]
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Passes an upgrade (WebSocket) on; once the app agrees, bytes go both ways untouched. */
export function proxyUpgrade(
  request: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
  route: Route,
  onFailure: (error: Error) => void,
): void {
  const upgrade = request.headers.upgrade ?? ''
  const headers = requestHeaders(request.rawHeaders, route.map)
  headers.push('Connection', 'Upgrade', 'Upgrade', upgrade)
  const upstream = http.request({
    method: request.method,
    path: request.url,
    headers: headers as never,
    maxHeaderSize: MAXIMUM_HEADER,
    createConnection: connectFor(route.reach, route.secure) as never,
  })
  const onClosed = () => upstream.destroy()
  socket.once('close', onClosed)
  let answered = false
  upstream.on('upgrade', (answer, remote, remoteHead) => {
    answered = true
    socket.off('close', onClosed)
    if (socket.destroyed) {
      remote.destroy()
      return
    }
    const passed = responseHeaders(answer.rawHeaders, route.map)
    passed.push('Connection', 'Upgrade', 'Upgrade', answer.headers.upgrade ?? upgrade)
    socket.write(statusLine(answer, passed))
    if (remoteHead.length > 0) socket.write(remoteHead)
    if (head.length > 0) remote.write(head)
    splice(socket, remote)
  })
  upstream.on('response', (answer) => {
    answered = true
    const passed = responseHeaders(answer.rawHeaders, route.map)
    // The next request on this connection would pass by the router, so there is none.
    passed.push('Connection', 'close')
    socket.write(statusLine(answer, passed))
    answer.on('error', () => reset(socket))
    answer.pipe(socket)
  })
  upstream.on('error', (error) => {
    socket.off('close', onClosed)
    if (answered) reset(socket)
    else onFailure(error)
  })
  upstream.end()
}
