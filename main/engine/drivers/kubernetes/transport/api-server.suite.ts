import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type Clock, systemClock } from '../../../platform/clock'
import { silentLogger } from '../../../platform/logger'
import type { Platform } from '../../../platform/platform'
import { makeAuthority, type TestAuthority, type TestCertificate } from '../../shared/certificates.suite'
import type { ApiClient, ClusterAccess, Credentials, TlsIdentity } from '../api'
import { createApiClient } from './client'
import { type Listening, listen } from './testing.suite'

/** A server for tests that speaks TLS and HTTP as an API server does, and counts. */
export interface TestServer {
  readonly authority: TestAuthority
  readonly url: string
  readonly port: number
  readonly seen: {
    handshakes: number
    requests: string[]
    /** Of client certificates, by request. */
    clients: string[]
  }
  readonly sockets: Set<TLSSocket>
  /** From now on, new connections are ended at once. */
  refuse(): void
  close(): Promise<void>
}

export interface ServerOptions {
  readonly authority?: TestAuthority
  readonly certificate?: (authority: TestAuthority) => TestCertificate
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => void
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  readonly keepAliveTimeout?: number
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const authority = options.authority ?? makeAuthority()
  const certificate = options.certificate?.(authority) ?? authority.issue()
  const seen: TestServer['seen'] = { handshakes: 0, requests: [], clients: [] }
  const sockets = new Set<TLSSocket>()
  const server = createServer({
    ...certificate,
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: false,
    keepAliveTimeout: options.keepAliveTimeout ?? 60_000,
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    seen.handshakes++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    seen.requests.push(`${request.method} ${request.url}`)
    seen.clients.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? ''))
    if (options.onRequest) options.onRequest(request, response)
    else answer(response, 200, { ok: true })
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    seen.requests.push(`${request.method} ${request.url}`)
    options.onUpgrade?.(request, socket, head)
  })
  const listening = await listen(server)
  return {
    authority,
    url: `https://127.0.0.1:${listening.port}`,
    port: listening.port,
    seen,
    sockets,
    refuse: () => void server.on('connection', (socket: Socket) => socket.destroy()),
    close: listening.close,
  }
}

export async function startPlainServer(): Promise<Listening> {
  return listen(createPlainServer((_request, response) => answer(response, 200, { plain: true })))
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

export function statusBody(code: number, reason: string, message: string, details: object = {}) {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message, details }
}

/** Credentials that a test can change, and that remember what was refused. */
export class TestCredentials implements Credentials {
  readonly refused: unknown[] = []
  token = 'first'
  identity: TlsIdentity

  constructor(ca: string | undefined) {
    this.identity = { ...(ca && { ca }), skipVerify: false }
  }

  async headers(): Promise<Record<string, string>> {
    return { authorization: `Bearer ${this.token}` }
  }

  async tls(): Promise<TlsIdentity> {
    return this.identity
  }

  rejected(refused: unknown): void {
    this.refused.push(refused)
    this.token = 'second'
  }

  refusal() {
    return {
      code: 'credentials-failed',
      title: 'Refused',
      cause: 'The token is old.',
      remedy: 'Log in.',
    } as const
  }

  dispose(): void {}
}

export interface TestClient {
  readonly client: ApiClient
  readonly credentials: TestCredentials
}

/** A client of a server for tests; `access` overrides what leads to it. */
export function clientOf(
  server: Pick<TestServer, 'url'> & Partial<TestServer>,
  access: Partial<ClusterAccess> = {},
  clock: Clock = systemClock,
): TestClient {
  const credentials = new TestCredentials(server.authority?.cert)
  const client = createApiClient(
    { server: server.url, credentials, ...access },
    { targetName: 'test', endpoint: server.url, namespace: 'default' },
    testPlatform(clock),
  )
  return { client, credentials }
}

function testPlatform(clock: Clock): Platform {
  // The transport takes nothing else of it.
  return { clock, logger: silentLogger } as unknown as Platform
}
