import http from 'node:http'
import type { Duplex } from 'node:stream'
import { reset, splice } from '../splice'
import { headWithoutUpgrade, requestHeaders, responseHeaders } from './headers'
import { hasBody, type Route } from './proxy'
import { abortable, connectFor, MAXIMUM_HEADER } from './upstream'

/** How long a client may keep its side open after it got its last answer, milliseconds. */
const LEAVE = 5000

/**
 * Whether a request that would switch protocols is to be treated as an ordinary one: HTTP/2, which Java's client
 * offers with every request, is not spoken here; and a body would have to arrive before the switch.
 */
export function isOrdinary(request: http.IncomingMessage): boolean {
  const protocols = (request.headers.upgrade ?? '').split(',').map((name) => name.trim().toLowerCase())
  return hasBody(request) || protocols.every((name) => name === 'h2c')
}

/** Hands a request that node:http took for a switch of protocols back to the server, as an ordinary one. */
export function serveOrdinary(
  server: http.Server,
  request: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const { method = 'GET', url = '/', httpVersion, rawHeaders } = request
  const text = headWithoutUpgrade(method, url, httpVersion, rawHeaders)
  socket.unshift(Buffer.concat([Buffer.from(text, 'latin1'), head]))
  server.emit('connection', socket)
}

/** Says a last thing to a client whose connection goes no further. */
export function sayLast(socket: Duplex, text: string): void {
  leave(socket)
  socket.end(text)
}

/** Lets a connection end by itself: what its client still sends is dropped, and it may not stay for ever. */
function leave(socket: Duplex): void {
  socket.resume()
  socket.once('finish', () => {
    const timer = setTimeout(() => socket.destroy(), LEAVE)
    socket.once('close', () => clearTimeout(timer))
  })
}

function statusLine(answer: http.IncomingMessage, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage ?? ''}`]
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

export interface UpgradeOptions {
  /** Bytes that came along with the request. */
  readonly head: Buffer
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal
  /** Called when there is no answer to pass back. */
  readonly onFailure: (error: Error) => void
}

/** Passes an upgrade (WebSocket) on; once the app agrees, bytes go both ways untouched. */
export function proxyUpgrade(
  request: http.IncomingMessage,
  socket: Duplex,
  route: Route,
  { head, gone, onFailure }: UpgradeOptions,
): void {
  const upgrade = request.headers.upgrade ?? ''
  const headers = requestHeaders(request.rawHeaders, route.map)
  headers.push('Connection', 'Upgrade', 'Upgrade', upgrade)
  const upstream = http.request({
    method: request.method,
    path: request.url,
    headers: headers as never,
    maxHeaderSize: MAXIMUM_HEADER,
    ...abortable(gone),
    createConnection: connectFor(route.reach, route.secure) as never,
  })
  let answered = false
  upstream.on('upgrade', (answer, remote, remoteHead) => {
    answered = true
    if (socket.destroyed) {
      remote.destroy()
      return
    }
    const passed = responseHeaders(answer.rawHeaders, route.map)
    passed.push('Connection', 'Upgrade', 'Upgrade', answer.headers.upgrade ?? upgrade)
    socket.write(statusLine(answer, passed))
    if (remoteHead.length > 0) socket.write(remoteHead)
    if (head.length > 0) remote.write(head)
    splice(socket, remote, route.carries?.())
  })
  upstream.on('response', (answer) => {
    answered = true
    const passed = responseHeaders(answer.rawHeaders, route.map)
    // The next request on this connection would pass by the router, so there is none.
    passed.push('Connection', 'close')
    leave(socket)
    socket.write(statusLine(answer, passed))
    answer.on('error', () => reset(socket))
    answer.pipe(socket)
  })
  upstream.on('error', (error) => {
    if (answered || gone.aborted) reset(socket)
    else onFailure(error)
  })
  upstream.end()
}
