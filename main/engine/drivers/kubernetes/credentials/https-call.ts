import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { connect as tlsConnect } from 'node:tls'

export interface HttpsCall {
  readonly url: URL
  /** Sent as a form, by POST; absent: GET. */
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** PEM; absent: the system's authorities. */
  readonly ca?: string
  /** An http or https proxy. */
  readonly proxy?: string
  readonly signal: AbortSignal
}

export interface HttpsAnswer {
  readonly status: number
  readonly body: string
}

/** What an identity provider answers has some kilobytes. */
const MAX_BODY = 1024 * 1024

/** One call over a connection of its own. Follows no redirect: what is sent holds secrets. Rejects with Node's error. */
export async function httpsCall(call: HttpsCall): Promise<HttpsAnswer> {
  const { url, form, headers, ca, signal } = call
  const secure = url.protocol === 'https:'
  const socket = secure && call.proxy !== undefined ? await tunnel(call, new URL(call.proxy)) : undefined
  const body = form && new URLSearchParams(form).toString()
  const options = {
    method: form ? 'POST' : 'GET',
    headers: {
      Accept: 'application/json',
      ...(body !== undefined && {
        'Content-Type': 'application/x-www-form-urlencoded',
        'Content-Length': Buffer.byteLength(body),
      }),
      ...headers,
    },
    signal,
    agent: false as const,
  }
  const request = secure
    ? httpsRequest(url, { ...options, ca, ...(socket && { createConnection: () => socket }) })
    : httpRequest(url, options)
  const answer = new Promise<HttpsAnswer>((resolve, reject) => {
    request.on('error', reject)
    request.once('response', (response: IncomingMessage) => collect(response).then(resolve, reject))
  })
  request.end(body)
  try {
    return await answer
  } finally {
    request.destroy()
    socket?.destroy()
  }
}

async function collect(response: IncomingMessage): Promise<HttpsAnswer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BODY) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }
}

/** A TLS connection to the server through the proxy's CONNECT (RFC 9110, 9.3.6). */
function tunnel({ url, ca, signal }: HttpsCall, proxy: URL): Promise<import('node:tls').TLSSocket> {
  const target = `${url.hostname}:${url.port || 443}`
  const login = proxy.username
    ? Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`)
    : undefined
  const open = proxy.protocol === 'https:' ? httpsRequest : httpRequest
  const request = open(proxy.origin, {
    method: 'CONNECT',
    path: target,
    headers: { Host: target, ...(login && { 'Proxy-Authorization': `Basic ${login.toString('base64')}` }) },
    signal,
    agent: false,
  })
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.once('response', (response) => {
      response.resume()
      reject(new Error(`the proxy answered ${response.statusCode}`))
    })
    request.once('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy()
        reject(new Error(`the proxy answered ${response.statusCode}`))
        return
      }
      const host = url.hostname.replace(/^\[|\]$/g, '')
      const secured = tlsConnect({ socket, host, ca, ...(isIP(host) === 0 && { servername: host }) })
      secured.on('error', reject)
      secured.once('secureConnect', () => resolve(secured))
    })
    request.end()
  })
}
