import http from 'node:http'
import type { Duplex } from 'node:stream'
import type { Port, Workspace } from '#contract'
import type { Logger } from '../../platform/logger'
import { listenNear } from '../loopback'
import type { Carried } from '../splice'
import { DIRECTORY_TYPE, servedPorts } from './directory'
import { originOf, parseHost } from './hosts'
import { type PageContent, page, plain, RETRY_AFTER } from './pages'
import { proxyRequest, type Route } from './proxy'
import { isOrdinary, proxyUpgrade, sayLast, serveOrdinary } from './upgrade'
import { MAXIMUM_HEADER, UpstreamAgent } from './upstream'

/** What the router needs to know of the ports; it keeps nothing of its own but connections. */
export interface RouterBackend {
  /** By its name in URLs. */
  workspace(urlName: string): Workspace | undefined
  urlName(workspaceId: string): string | undefined
  port(workspaceId: string, port: number): Port | undefined
  /** Everything that can be opened now. */
  forwarded(): readonly Port[]
  /** Resolves with the port once it is known, or undefined after a moment. */
  appears(workspaceId: string, port: number, signal: AbortSignal): Promise<Port | undefined>
  /** Hears of what passes over one connection or request. */
  carries?(workspaceId: string, port: number): Carried
  /** `hold`: wait for a workspace that is on its way back. Rejects with a `ProblemError`. */
  reach(workspaceId: string, port: number, hold: boolean, signal: AbortSignal): Promise<Duplex>
}

export interface Router {
  readonly port: number
  /** Ends kept connections to a port that is no longer forwarded. */
  forget(workspaceId: string, port: number): void
  close(): Promise<void>
}

interface Found {
  readonly workspace: Workspace
  readonly port: Port
  readonly route: Route
}

interface Refusal extends PageContent {
  readonly status: number
}

/** Listens on loopback: on the port asked for if it is free, else on the next that is. */
export async function startRouter(backend: RouterBackend, wanted: number, logger: Logger): Promise<Router> {
  const agents = new Map<string, UpstreamAgent>()
  const sockets = new Set<Duplex>()
  let routerPort = 0

  const urlOf = (port: Port) => {
    const name = backend.urlName(port.workspaceId)
    return name === undefined ? undefined : `${originOf(port.port, name, routerPort)}/`
  }

  function agentOf(workspaceId: string, port: number, secure: boolean): UpstreamAgent {
    const key = `${workspaceId}:${port}:${secure}`
    let agent = agents.get(key)
    if (!agent) {
      agent = new UpstreamAgent((signal) => backend.reach(workspaceId, port, true, signal), secure)
      agents.set(key, agent)
    }
    return agent
  }

  function routeOf(workspace: Workspace, port: Port, host: string): Route {
    const secure = port.protocol === 'https'
    const name = backend.urlName(workspace.id) ?? workspace.name
    return {
      secure,
      agent: agentOf(workspace.id, port.port, secure),
      reach: (signal) => backend.reach(workspace.id, port.port, true, signal),
      carries: () => backend.carries?.(workspace.id, port.port) ?? (() => undefined),
      map: {
        port: port.port,
        publicHost: host,
        routerPort,
        toLocal(origin) {
          const scheme = /^http:\/\/(.*)$/i.exec(origin)
          const parsed = scheme ? parseHost(scheme[1], routerPort) : undefined
          if (parsed?.name !== name) return undefined
          const other = parsed.port === port.port ? port : backend.port(workspace.id, parsed.port)
          return `${other?.protocol === 'https' ? 'https' : 'http'}://localhost:${parsed.port}`
        },
        toPublic(number) {
          if (number === port.port || backend.port(workspace.id, number)?.forward) {
            return originOf(number, name, routerPort)
          }
          return undefined
        },
      },
    }
  }

  function offers(): PageContent['links'] {
    return backend.forwarded().flatMap((port) => {
      const url = urlOf(port)
      return url ? [{ url, label: port.label ?? `port ${port.port}` }] : []
    })
  }

  /** Whom a request is for. Everything that is not certainly for a forwarded port of a workspace is refused. */
  async function find(request: http.IncomingMessage, signal: AbortSignal): Promise<Found | Refusal> {
    const hosts = request.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host')
    const host = request.headers.host
    if (hosts.length !== 1 || host === undefined || !request.url?.startsWith('/')) {
      return { status: 400, title: 'Not a request that Berth understands', lines: [] }
    }
    const parsed = parseHost(host, routerPort)
    const workspace = parsed && backend.workspace(parsed.name)
    if (!parsed || !workspace) {
      // A page of another site that had its name point here (DNS rebinding) must not learn what there is.
      const local = /^(?:[^:/]*\.)?localhost\.?(?::\d+)?$|^127\.0\.0\.1(?::\d+)?$|^\[::1\](?::\d+)?$/i.test(
        host,
      )
      if (!local) {
        return {
          status: 421,
          title: 'Not an address of Berth',
          lines: [`Berth does not answer for ${host}.`],
        }
      }
      return {
        status: 404,
        title: parsed ? 'No such workspace' : 'Berth',
        lines: [
          ...(parsed ? [`There is no workspace ${parsed.name} here.`] : []),
          backend.forwarded().length > 0 ? 'These can be opened:' : 'Nothing is forwarded at the moment.',
        ],
        links: offers(),
      }
    }
    const port =
      backend.port(workspace.id, parsed.port) ?? (await backend.appears(workspace.id, parsed.port, signal))
    if (!port?.forward) {
      if (port && port.listeners.length > 0) {
        return {
          status: 404,
          title: `Port ${parsed.port} of ${workspace.name} is not forwarded`,
          lines: ['Something listens there. Forward it in Berth, and this address works.'],
        }
      }
      return waiting(workspace, parsed.port)
    }
    return { workspace, port, route: routeOf(workspace, port, host) }
  }

  function waiting(workspace: Workspace, port: number, error?: Error): Refusal {
    const state = backend.port(workspace.id, port)
    if (state?.state === 'failed' && state.problem) {
      return {
        status: 502,
        title: state.problem.title,
        lines: [state.problem.cause, state.problem.remedy],
        waits: true,
      }
    }
    if (workspace.state !== 'running') {
      return {
        status: 503,
        title: `${workspace.name} is ${workspace.state}`,
        lines: [`${workspace.reason}.`, `Port ${port} can be reached once it runs.`],
        waits: true,
      }
    }
    const refused = !error || /refused|Nothing listens/i.test(error.message)
    return {
      status: 503,
      title: refused
        ? `Nothing listens on port ${port} of ${workspace.name}`
        : `Port ${port} of ${workspace.name} does not answer`,
      lines: [refused ? 'Start the app in the workspace.' : (error?.message ?? '')],
      waits: true,
    }
  }

  function refuse(request: http.IncomingMessage, response: http.ServerResponse, refusal: Refusal): void {
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    const html = (request.headers.accept ?? '').includes('text/html')
    const text = html ? page(refusal) : plain(refusal)
    response.writeHead(refusal.status, {
      'content-type': html ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(html ? { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" } : {}),
      ...(refusal.waits ? { 'retry-after': String(RETRY_AFTER) } : {}),
    })
    response.end(request.method === 'HEAD' ? undefined : text)
  }

  /** Other Berth processes ask on the router's own address what can be opened here. */
  function tellDirectory(request: http.IncomingMessage, response: http.ServerResponse): boolean {
    const { accept, host = '' } = request.headers
    const own = host === `localhost:${routerPort}` && request.url === '/' && request.method === 'GET'
    if (!own || accept !== DIRECTORY_TYPE) return false
    response.writeHead(200, { 'content-type': DIRECTORY_TYPE, 'cache-control': 'no-store' })
    response.end(JSON.stringify(servedPorts(backend.forwarded())))
    return true
  }

  async function handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (tellDirectory(request, response)) return
    const gone = whileWaited(request, response)
    const found = await find(request, gone)
    if (!('route' in found)) return refuse(request, response, found)
    if (gone.aborted) return
    const { workspace, port } = found
    const onFailure = (error: Error) => {
      const now = backend.workspace(backend.urlName(workspace.id) ?? '') ?? workspace
      const early = 'problem' in error
      refuse(
        request,
        response,
        early
          ? waiting(now, port.port, error)
          : {
              status: 502,
              title: `The app on port ${port.port} of ${workspace.name} broke off`,
              lines: [`It gave no answer that can be passed on (${error.message}).`],
            },
      )
    }
    let { route } = found
    const navigation =
      request.method === 'GET' &&
      (request.headers.accept ?? '').includes('text/html') &&
      port.state !== 'live'
    if (navigation) {
      // A person looks at this: a page that says what is going on is better than an empty one that waits.
      const stream = await backend.reach(workspace.id, port.port, false, gone)
      if (gone.aborted) {
        stream.destroy()
        return
      }
      const { agent: _, ...own } = route
      route = { ...own, reach: async () => stream }
    }
    proxyRequest(request, response, route, { gone, onFailure })
  }

  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
    handle(request, response).catch(async (error: Error) => {
      const parsed = parseHost(request.headers.host, routerPort)
      const workspace = parsed && backend.workspace(parsed.name)
      if (parsed && workspace) refuse(request, response, waiting(workspace, parsed.port, error))
      else response.destroy()
    })
  }

  const refuseUpgrade = (socket: Duplex, refusal: Refusal) => {
    const text = plain(refusal)
    sayLast(
      socket,
      `HTTP/1.1 ${refusal.status} ${http.STATUS_CODES[refusal.status]}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    )
  }

  const onUpgrade = (server: http.Server, request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isOrdinary(request)) {
      serveOrdinary(server, request, socket, head)
      return
    }
    sockets.add(socket)
    const gone = new AbortController()
    socket.on('error', () => undefined)
    socket.once('close', () => {
      sockets.delete(socket)
      gone.abort()
    })
    // Nobody reads before the app agrees, so that nobody would see its client go.
    socket.once('end', () => gone.abort())
    socket.read(0)
    const answer = async () => {
      const found = await find(request, gone.signal)
      if (gone.signal.aborted) {
        socket.destroy()
        return
      }
      if (!('route' in found)) return refuseUpgrade(socket, found)
      const onFailure = (error: Error) =>
        refuseUpgrade(socket, waiting(found.workspace, found.port.port, error))
      proxyUpgrade(request, socket, found.route, { head, gone: gone.signal, onFailure })
    }
    answer().catch((error: unknown) => {
      logger.warn('the router could not pass an upgrade on', { cause: String(error) })
      socket.destroy()
    })
  }

  function createServer(): http.Server {
    const server = http.createServer({
      maxHeaderSize: MAXIMUM_HEADER,
      // An upload may take as long as it takes; a head may not.
      requestTimeout: 0,
      headersTimeout: 60_000,
      keepAliveTimeout: 30_000,
      noDelay: true,
    })
    server.on('request', onRequest)
    server.on('checkContinue', onRequest)
    server.on('checkExpectation', onRequest)
    server.on('upgrade', (request, socket, head) => onUpgrade(server, request, socket, head))
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
      else {
        const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
        socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`)
      }
    })
    return server
  }

  const listening = await listenNear(createServer, wanted)
  const { servers } = listening
  routerPort = listening.port
  if (wanted !== 0 && routerPort !== wanted)
    logger.info('the router takes another port', { wanted, routerPort })

  return {
    port: routerPort,
    forget(workspaceId, port) {
      for (const secure of [true, false]) {
        const key = `${workspaceId}:${port}:${secure}`
        agents.get(key)?.destroy()
        agents.delete(key)
      }
    },
    async close() {
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
      for (const server of servers) server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      for (const agent of agents.values()) agent.destroy()
      agents.clear()
      await Promise.all(closed)
    },
  }
}

/** Aborts when an answer was given, or nobody waits for it any more. */
function whileWaited(request: http.IncomingMessage, response: http.ServerResponse): AbortSignal {
  const { socket } = request
  const gone = new AbortController()
  const leave = () => {
    socket.off('close', leave)
    gone.abort()
  }
  response.once('close', leave)
  // A response whose turn on the connection had not come yet is not told that it closed. One listener for each.
  socket.setMaxListeners(0)
  socket.once('close', leave)
  return gone.signal
}
