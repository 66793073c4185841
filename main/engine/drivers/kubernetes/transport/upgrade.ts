import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../../../platform/clock'
import type { RequestHeaders } from '../api'
import { AnswerError, readError, untilAnswered } from './request'

export interface UpgradeRequest {
  /** Open, TLS done. It is the caller's after a success, and destroyed after a failure. */
  readonly socket: Socket
  readonly host: string
  readonly path: string
  readonly headers: RequestHeaders
  readonly protocols: readonly string[]
  readonly clock: Clock
  /** Milliseconds for the server to agree. 0: no limit. */
  readonly timeout: number
  readonly signal?: AbortSignal
}

/**
 * Turns a connection into SPDY/3.1 by a POST and resolves with the stream protocol that the server chose. Rejects with
 * the ApiError of a refusal, or with Node's error.
 */
export function upgradeToSpdy(options: UpgradeRequest): Promise<string> {
  const { socket, host, path, headers, protocols } = options
  return new Promise((resolve, reject) => {
    const answered = untilAnswered(options, (error) => fail(error))
    const fail = (error: unknown) => {
      answered()
      socket.destroy()
      reject(error)
    }
    const request = httpRequest({
      method: 'POST',
      path,
      createConnection: () => socket,
      headers: {
        host,
        'user-agent': 'berth',
        connection: 'Upgrade',
        upgrade: 'SPDY/3.1',
        // One line each: servers before 1.30 do not split it at commas.
        'x-stream-protocol-version': [...protocols],
        'content-length': 0,
        ...headers,
      },
    })
    request.on('error', fail)
    request.once('response', (response) => {
      if ((response.statusCode ?? 500) >= 300) readError(response).then(fail, fail)
      else fail(new AnswerError('the server answered an upgrade as a plain request'))
    })
    request.once('upgrade', (response: IncomingMessage, _socket, head: Buffer) => {
      const chosen = response.headers['x-stream-protocol-version']
      const protocol = Array.isArray(chosen) ? chosen[0] : chosen
      // Servers that know one protocol alone, the oldest, name none.
      if (protocol !== undefined && !protocols.includes(protocol)) {
        fail(new AnswerError(`the server speaks none of ${protocols.join(', ')}`))
        return
      }
      answered()
      if (head.length > 0) socket.unshift(head)
      resolve(protocol ?? '')
    })
    request.end()
  })
}
