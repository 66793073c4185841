import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { waitFor } from '../../platform/collection'
import { FakeLinks, fakePlatform, fakeWorkspace, fakeWorkspaces } from '../fakes'
import { createPorts, type PortService } from '../index'

const ID = 'aaaaaaaaaa'
const links = { current: new FakeLinks() }
let workspaces = fakeWorkspaces()
let service: PortService
let platform = fakePlatform()
const servers: http.Server[] = []

beforeEach(() => {
  links.current = new FakeLinks()
  platform = fakePlatform()
  workspaces = fakeWorkspaces(fakeWorkspace({ id: ID, name: 'shop' }))
  service = createPorts({ platform, workspaces, links: links.current, emit: () => undefined })
})

afterEach(async () => {
  await service.dispose()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  await vi.waitFor(() => expect(links.current.get(ID).open.size).toBe(0))
})

async function app(handler: http.RequestListener): Promise<number> {
  const server = http.createServer(handler)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Opens an app on a port of the workspace; resolves once its URL works. */
async function serve(port: number, handler: http.RequestListener): Promise<http.Server> {
  links.current.get(ID).serve(port, await app(handler))
  await ready(port)
  return servers.at(-1) as http.Server
}

async function ready(port: number, id = ID): Promise<number> {
  const record = await waitFor(service.ports, `${id}:${port}`, (found) => found?.forward?.url !== undefined)
  expect(record?.state).toBe('live')
  return service.routerPort() ?? 0
}

interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  raw: string[]
  body: Buffer
  trailers: NodeJS.Dict<string>
}

function ask(
  host: string,
  path = '/',
  options: http.RequestOptions & { body?: Buffer | string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { headers, body, ...rest } = options
    const request = http.request({
      host: '127.0.0.1',
      port: service.routerPort(),
      path,
      agent: false,
      ...rest,
      headers: { host, ...(headers as http.OutgoingHttpHeaders) },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          raw: response.rawHeaders,
          body: Buffer.concat(pieces),
          trailers: response.trailers,
        }),
      )
    })
    request.end(body)
  })
}

const host = (port = 3000, name = 'shop') => `${port}-${name}.localhost:${service.routerPort()}`
const echo: http.RequestListener = (request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ url: request.url, headers: request.headers, method: request.method }))
}

describe('what the app sees', () => {
  it('is Host localhost:<port>, and where the browser really asked', async () => {
    await serve(3000, echo)
    const { body } = await ask(host(), '/a%20b?c=d')
    const seen = JSON.parse(body.toString())
    expect(seen.url).toBe('/a%20b?c=d')
    expect(seen.headers).toMatchObject({
      host: 'localhost:3000',
      'x-forwarded-host': host(),
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-port': String(service.routerPort()),
    })
  })

  it('is its own origin in Origin and Referer, and the same in X-Forwarded-Host', async () => {
    await serve(3000, echo)
    const origin = `http://${host()}`
    const { body } = await ask(host(), '/', { method: 'POST', headers: { origin, referer: `${origin}/x?y` } })
    expect(JSON.parse(body.toString()).headers).toMatchObject({
      origin: 'http://localhost:3000',
      referer: 'http://localhost:3000/x?y',
      'x-forwarded-host': 'localhost:3000',
      'content-length': '0',
    })
  })

  it('is the localhost address of a neighbour port of the same workspace', async () => {
    await serve(3000, echo)
    const { body } = await ask(host(), '/', { headers: { origin: `http://${host(5173)}` } })
    expect(JSON.parse(body.toString()).headers.origin).toBe('http://localhost:5173')
  })

  it.each(['http://evil.example', 'null', `http://3000-other.localhost:1`])(
    'is a foreign origin as it is (%s)',
    async (origin) => {
      await serve(3000, echo)
      const { body } = await ask(host(), '/', { headers: { origin } })
      expect(JSON.parse(body.toString()).headers.origin).toBe(origin)
    },
  )
})

describe('what the browser sees', () => {
  it.each([
    ['http://localhost:3000/in?x#y', () => `http://${host()}/in?x#y`],
    ['http://127.0.0.1:3000/', () => `http://${host()}/`],
    ['//localhost:3000/z', () => `http://${host()}/z`],
    ['https://localhost:3000', () => `http://${host()}`],
    ['http://localhost:8000/api', () => `http://${host(8000)}/api`],
    ['http://localhost:9999/unknown', () => 'http://localhost:9999/unknown'],
    ['http://localhost.evil.example:3000/', () => 'http://localhost.evil.example:3000/'],
    [
      'https://login.example/?back=http://localhost:3000/',
      () => 'https://login.example/?back=http://localhost:3000/',
    ],
    ['/relative', () => '/relative'],
  ])('is a redirect to %s as an address that works', async (location, expected) => {
    await serve(8000, echo)
    await serve(3000, (_request, response) => response.writeHead(302, { location }).end())
    expect((await ask(host())).headers.location).toBe(expected())
  })

  it('is cookies of its own host, each one, in order', async () => {
    await serve(3000, (_request, response) => {
      response.setHeader('set-cookie', [
        'a=1; Domain=localhost; Path=/',
        'b=2; HttpOnly; domain=.localhost',
        'c=3; Domain=example.com',
      ])
      response.end()
    })
    expect((await ask(host())).headers['set-cookie']).toEqual([
      'a=1; Path=/',
      'b=2; HttpOnly',
      'c=3; Domain=example.com',
    ])
  })

  it('is an allowed origin that is its own', async () => {
    await serve(3000, (request, response) => {
      response.setHeader('access-control-allow-origin', request.headers.origin ?? '')
      response.end()
    })
    await serve(5173, echo)
    const origin = `http://${host(5173)}`
    expect((await ask(host(), '/', { headers: { origin } })).headers['access-control-allow-origin']).toBe(
      origin,
    )
  })

  it('is an event stream as it comes', async () => {
    let next: () => void = () => undefined
    await serve(3000, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
      next = () => response.end('data: 2\n\n')
    })
    const request = http.get({
      host: '127.0.0.1',
      port: service.routerPort(),
      headers: { host: host() },
      agent: false,
    })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    const pieces: string[] = []
    for await (const piece of response) {
      pieces.push(String(piece))
      if (pieces.length === 1) next()
    }
    expect(pieces).toEqual(['data: 1\n\n', 'data: 2\n\n'])
  })

  it('is the length of HEAD without a body, and trailers', async () => {
    await serve(3000, (request, response) => {
      if (request.method === 'HEAD') {
        response.writeHead(200, { 'content-length': '1234' }).end()
        return
      }
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('body')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    })
    const head = await ask(host(), '/', { method: 'HEAD' })
    expect(head.headers['content-length']).toBe('1234')
    expect(head.body.length).toBe(0)
    expect((await ask(host())).trailers['x-sum']).toBe('42')
  })

  it('is a cut answer as cut', async () => {
    await serve(3000, (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('part', () => response.destroy())
    })
    await expect(ask(host())).rejects.toThrow(/aborted|ECONNRESET/)
    // And only that one.
    await expect(ask(host())).rejects.toThrow(/aborted|ECONNRESET/)
  })
})

describe('bodies', () => {
  it('carries 20 MB up and down unchanged', async () => {
    await serve(3000, (request, response) => request.pipe(response))
    const data = randomBytes(20 * 1024 * 1024)
    const { body } = await ask(host(), '/', { method: 'POST', body: data })
    expect(createHash('sha256').update(body).digest('hex')).toBe(
      createHash('sha256').update(data).digest('hex'),
    )
  })

  it('does not read an upload faster than the app', async () => {
    await serve(3000, (request) => request.pause())
    const request = http.request({
      host: '127.0.0.1',
      port: service.routerPort(),
      method: 'PUT',
      headers: { host: host() },
      agent: false,
    })
    request.on('error', () => undefined)
    const piece = Buffer.alloc(256 * 1024)
    let accepted = 0
    for (let round = 0; round < 400 && request.writableLength < 1024 * 1024; round++) {
      request.write(piece)
      accepted += piece.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(accepted).toBeLessThan(60 * 1024 * 1024)
    request.destroy()
  })

  it('asks the app before a body that waits for 100 Continue', async () => {
    const server = await serve(3000, echo)
    const events: string[] = []
    server.on('checkContinue', (request: http.IncomingMessage, response: http.ServerResponse) => {
      events.push('asked')
      if (request.url === '/no') {
        response.writeHead(413, { connection: 'close' }).end('too large')
        return
      }
      response.writeContinue()
      request.pipe(response)
    })
    const send = (path: string) =>
      new Promise<string>((resolve, reject) => {
        const request = http.request({
          host: '127.0.0.1',
          port: service.routerPort(),
          path,
          method: 'POST',
          headers: { host: host(), expect: '100-continue', 'content-length': '4' },
          agent: false,
        })
        request.flushHeaders()
        request.on('continue', () => {
          events.push('continue')
          request.end('body')
        })
        request.on('error', reject)
        request.on('response', (response) => {
          let text = `${response.statusCode} `
          response.on('data', (data) => {
            text += data
          })
          response.on('end', () => resolve(text))
          response.on('error', reject)
        })
      })
    expect(await send('/yes')).toBe('200 body')
    expect(events).toEqual(['asked', 'continue'])
    expect(await send('/no')).toBe('413 too large')
  })
})

describe('WebSocket', () => {
  it('goes through both ways with the origin that the app expects', async () => {
    const server = await serve(3000, echo)
    const sockets = new WebSocketServer({ server })
    const origins: unknown[] = []
    sockets.on('connection', (socket, request) => {
      origins.push(request.headers.origin, request.headers.host)
      socket.on('message', (data, binary) => socket.send(data, { binary }))
    })
    const client = new WebSocket(`ws://127.0.0.1:${service.routerPort()}/socket`, {
      headers: { host: host(), origin: `http://${host()}` },
    })
    await once(client, 'open')
    const data = randomBytes(3 * 1024 * 1024)
    client.send(data)
    const [reply] = (await once(client, 'message')) as [Buffer]
    expect(reply.equals(data)).toBe(true)
    expect(origins).toEqual(['http://localhost:3000', 'localhost:3000'])
    await vi.waitFor(() => expect(service.ports.get(`${ID}:3000`)?.forward?.connections).toBe(1))
    client.close()
    await once(client, 'close')
    sockets.close()
  })

  it('passes a refusal on and ends that connection', async () => {
    const server = await serve(3000, echo)
    server.on('upgrade', (_request, socket: net.Socket) =>
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'),
    )
    const client = new WebSocket(`ws://127.0.0.1:${service.routerPort()}/`, { headers: { host: host() } })
    const [error] = (await once(client, 'error')) as [Error]
    expect(error.message).toContain('403')
  })

  it('is refused for an unknown host without a connection to anything', async () => {
    await serve(3000, echo)
    const before = links.current.get(ID).dials
    const client = new WebSocket(`ws://127.0.0.1:${service.routerPort()}/`, {
      headers: { host: 'evil.example' },
    })
    const [error] = (await once(client, 'error')) as [Error]
    expect(error.message).toContain('421')
    expect(links.current.get(ID).dials).toBe(before)
  })
})

describe('hosts', () => {
  it.each([
    ['evil.example', 421],
    ['evil.example:{port}', 421],
    ['3000-shop.localhost.evil.example', 421],
    ['3000-shop.evil.localhost:{port}', 404],
    ['localhost:{port}', 404],
    ['127.0.0.1:{port}', 404],
    ['3000-nosuch.localhost:{port}', 404],
    ['03000-shop.localhost:{port}', 404],
    ['99999-shop.localhost:{port}', 404],
    ['3000-shop.localhost:1', 404],
    ['<script>.localhost:{port}', 404],
  ])('refuses %s with %i and connects to nothing', async (name, status) => {
    await serve(3000, echo)
    const before = links.current.get(ID).dials
    const answer = await ask(name.replace('{port}', String(service.routerPort())), '/', {
      headers: { accept: 'text/html' },
    })
    expect(answer.status).toBe(status)
    expect(answer.body.toString()).not.toContain('<script>')
    expect(answer.body.toString().includes('http://3000-shop.localhost')).toBe(status === 404)
    expect(links.current.get(ID).dials).toBe(before)
  })

  it('refuses a request with two hosts, and one for another place', async () => {
    await serve(3000, echo)
    for (const head of [
      `GET / HTTP/1.1\r\nHost: ${host()}\r\nHost: evil.example\r\n\r\n`,
      `GET http://evil.example/ HTTP/1.1\r\nHost: ${host()}\r\n\r\n`,
    ]) {
      const socket = net.connect(service.routerPort() ?? 0, '127.0.0.1')
      socket.write(head)
      const [reply] = (await once(socket, 'data')) as [Buffer]
      expect(reply.toString()).toMatch(/^HTTP\/1\.1 400 /)
      socket.destroy()
    }
  })

  it('follows a rename, and tells two workspaces of one name apart', async () => {
    await serve(3000, echo)
    const url = () => service.ports.get(`${ID}:3000`)?.forward?.url
    workspaces.patch(ID, { name: 'store' })
    expect(url()).toContain('//3000-store.localhost')
    expect((await ask(host(3000, 'store'))).status).toBe(200)
    expect((await ask(host(3000, 'shop'))).status).toBe(404)
    workspaces.set(fakeWorkspace({ id: 'bbbbbbbbbb', name: 'store', createdAt: 2 }))
    links.current.get('bbbbbbbbbb').serve(3000, await app((_request, response) => response.end('second')))
    await ready(3000, 'bbbbbbbbbb')
    expect(url()).toContain('//3000-store.localhost')
    expect((await ask(host(3000, 'store-bbbbbbbbbb'))).body.toString()).toBe('second')
  })
})

describe('an app that is not there', () => {
  it('is told on a page that tries again, and to programs in plain words', async () => {
    const actual = await app((_request, response) => response.end('here'))
    const link = links.current.get(ID)
    link.serve(3000, actual)
    await ready(3000)
    link.unserve(3000)
    await waitFor(service.ports, `${ID}:3000`, (port) => port?.state === 'not-listening')
    const html = await ask(host(), '/', { headers: { accept: 'text/html' } })
    expect(html.status).toBe(503)
    expect(html.headers['retry-after']).toBe('1')
    expect(html.body.toString()).toContain('http-equiv="refresh"')
    expect(html.body.toString()).toContain('Nothing listens on port 3000 of shop')
    const text = await ask(host())
    expect(text.status).toBe(503)
    expect(text.headers['content-type']).toContain('text/plain')
    link.serve(3000, actual)
    expect((await ask(host(), '/', { headers: { accept: 'text/html' } })).body.toString()).toBe('here')
  })

  it('is waited for while its workspace comes back', async () => {
    await serve(3000, (_request, response) => response.end('here'))
    workspaces.patch(ID, { state: 'starting', reason: 'it starts' })
    const page = await ask(host(), '/', { headers: { accept: 'text/html' } })
    expect(page.status).toBe(503)
    expect(page.body.toString()).toContain('shop is starting')
    const answer = ask(host())
    await new Promise((resolve) => setTimeout(resolve, 50))
    workspaces.patch(ID, { state: 'running', reason: 'it runs', incarnation: 'second' })
    expect((await answer).body.toString()).toBe('here')
  })

  it('is retried when a kept connection turns out to be dead', async () => {
    const connections = new Set<net.Socket>()
    const server = await serve(3000, (_request, response) => response.end('here'))
    server.on('connection', (socket) => connections.add(socket))
    expect((await ask(host())).status).toBe(200)
    expect((await ask(host())).status).toBe(200)
    for (const socket of connections) socket.resetAndDestroy()
    expect((await ask(host())).body.toString()).toBe('here')
  })

  it('is not asked over a kept connection that it has ended', async () => {
    const sockets = new Set<net.Socket>()
    const server = await serve(3000, (_request, response) => response.end('here'))
    server.on('connection', (socket) => sockets.add(socket))
    await ask(host())
    for (const socket of sockets) socket.end()
    expect((await ask(host())).body.toString()).toBe('here')
  })

  it('that says nothing and hangs up gives a 502', async () => {
    await serve(3000, (request) => request.socket.destroy())
    const answer = await ask(host(), '/', { method: 'POST', body: 'x' })
    expect(answer.status).toBe(502)
  })
})

it.each(['127.0.0.1', '::1'])('takes another port when the one asked for is taken on %s', async (address) => {
  const other = net.createServer()
  await new Promise<void>((resolve) => other.listen(0, address, resolve))
  const taken = (other.address() as AddressInfo).port
  await serve(3000, echo)
  platform.change({ routerPort: taken })
  await vi.waitFor(() => expect(service.routerPort()).toBeTypeOf('number'))
  expect(service.routerPort()).not.toBe(taken)
  await vi.waitFor(async () => expect((await ask(host())).status).toBe(200))
  other.close()
})
