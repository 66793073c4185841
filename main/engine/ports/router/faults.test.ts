import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { waitFor } from '../../platform/collection'
import { FakeLinks, fakePlatform, fakeWorkspace, fakeWorkspaces } from '../fakes'
import { createPorts, type PortService } from '../index'

const ID = 'aaaaaaaaaa'
let links = new FakeLinks()
let workspaces = fakeWorkspaces()
let service: PortService
const servers: net.Server[] = []
const accepted = new Set<net.Socket>()

beforeEach(() => {
  links = new FakeLinks()
  workspaces = fakeWorkspaces(fakeWorkspace({ id: ID, name: 'shop' }))
  service = createPorts({ platform: fakePlatform(), workspaces, links, emit: () => undefined })
})
afterEach(async () => {
  await service.dispose()
  for (const socket of accepted) socket.destroy()
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
  await vi.waitFor(() => expect(links.get(ID).open.size).toBe(0))
})

const host = () => `3000-shop.localhost:${service.routerPort()}`

/** An app that answers as its handler says, byte for byte; resolves with its port once its URL works. */
async function app(handler: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    accepted.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => accepted.delete(socket))
    handler(socket)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  links.get(ID).serve(3000, port)
  await waitFor(service.ports, `${ID}:3000`, (found) => found?.forward?.url !== undefined)
  return port
}

/** Answers each first piece of a request with this. */
const says = (answer: string) => (socket: net.Socket) => {
  socket.resume()
  socket.once('data', () => socket.end(answer, 'latin1'))
}

interface Client {
  readonly socket: net.Socket
  /** All that came, once the connection has ended. */
  readonly everything: Promise<string>
}

function client(): Client {
  const socket = net.connect(service.routerPort() ?? 0, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1')
  socket.on('data', (piece) => {
    text += piece
  })
  const everything = new Promise<string>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })
  everything.catch(() => undefined)
  return { socket, everything }
}

const head = (method: string, lines: readonly string[], name = host()) =>
  [`${method} / HTTP/1.1`, `Host: ${name}`, ...lines, '', ''].join('\r\n')

/** Asks once and hangs up. */
async function ask(method = 'GET', lines: readonly string[] = [], body = '', name = host()): Promise<string> {
  const { socket, everything } = client()
  socket.write(head(method, ['Connection: close', ...lines], name) + body, 'latin1')
  return everything
}

function status(): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = http.get(
      { host: '127.0.0.1', port: service.routerPort(), headers: { host: host() }, agent: false },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.on('error', reject)
      },
    )
    asked.on('error', reject)
  })
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('an answer that is no proper one', () => {
  it('passes on one that announces trailers and has a length', async () => {
    await app(says('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok'))
    const answer = await ask()
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(answer).toMatch(/\r\n\r\nok$/)
  })

  it.each([
    ['a status that there is not', 'HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok'],
    [
      'a switch of protocols that nobody asked for',
      'HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    ],
    ['a header with a control character', 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 2\r\n\r\nok'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['another protocol', '220 mail.example ESMTP\r\n'],
    ['nothing', ''],
  ])('says so: %s', async (_name, answer) => {
    await app(says(answer))
    const said = await ask()
    expect(said).toMatch(/^HTTP\/1\.1 502 /)
    expect(said).toContain('The app on port 3000 of shop broke off')
  })

  it('says so to a client that wanted to switch protocols too', async () => {
    await app(says('220 mail.example ESMTP\r\n'))
    expect(await ask('GET', ['Connection: Upgrade', 'Upgrade: websocket'])).toMatch(/^HTTP\/1\.1 503 /)
  })
})

describe('a request with a body', () => {
  const length = 8 * 1024 * 1024

  /** As many clients do it: reads the answer once the body is sent. */
  async function upload(): Promise<{ socket: net.Socket; status: string }> {
    const socket = net.connect(service.routerPort() ?? 0, '127.0.0.1')
    socket.write(head('POST', [`Content-Length: ${length}`]))
    await new Promise<void>((resolve, reject) => {
      socket.write(Buffer.alloc(length), (error) => (error ? reject(error) : resolve()))
    })
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return { socket, status: answer.toString().slice(0, 12) }
  }

  it('that the app refuses before it is sent is answered, and taken to its end', async () => {
    await app((socket) =>
      socket.once('data', () => {
        socket.pause()
        socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig')
      }),
    )
    const { socket, status } = await upload()
    expect(status).toBe('HTTP/1.1 413')
    // And the connection is good for the next.
    socket.write(head('GET', ['Connection: close']))
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 413 /)
    socket.destroy()
  })

  it('to an app that is not there is answered, and taken to its end', async () => {
    await app(says(OK))
    links.get(ID).unserve(3000)
    await waitFor(service.ports, `${ID}:3000`, (port) => port?.state === 'not-listening')
    const { socket, status } = await upload()
    expect(status).toBe('HTTP/1.1 503')
    socket.destroy()
  })

  it('that was never asked for ends its connection', async () => {
    await app(says('HTTP/1.1 401 Who\r\nContent-Length: 2\r\n\r\nno'))
    const { socket, everything } = client()
    socket.write(head('POST', ['Expect: 100-continue', 'Content-Length: 4']))
    const answer = await everything
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(answer).toMatch(/\r\nConnection: close\r\n/i)
  })

  it('and an offer of HTTP/2 is an ordinary one', async () => {
    const seen: string[] = []
    await app((socket) => {
      let text = ''
      socket.on('data', (piece) => {
        text += piece
        if (!text.endsWith('body')) return
        seen.push(text)
        text = ''
        socket.write(OK)
      })
    })
    const offer = [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQ',
      'X-A: b',
    ]
    const { socket, everything } = client()
    socket.write(`${head('POST', [...offer, 'Content-Length: 4'])}bo`)
    setTimeout(() => socket.write('dy'), 20)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    // The connection stays one of the router's, with every check of it.
    socket.write(`${head('POST', [...offer, 'Content-Length: 4', 'Connection: close'])}body`)
    expect(await everything).toMatch(/200 OK.*200 OK/s)
    expect(seen).toHaveLength(2)
    for (const text of seen) {
      expect(text).toContain('Host: localhost:3000\r\n')
      expect(text).toContain('X-A: b\r\n')
      expect(text).not.toMatch(/upgrade|http2/i)
    }
  })
})

it('asks again over a new connection when kept ones turn out to be dead', async () => {
  // Takes one request per connection, and tells it with the second only.
  let waiting: net.Socket[] | undefined = []
  await app((socket) => {
    socket.once('data', () => {
      socket.once('data', () => socket.resetAndDestroy())
      if (waiting) waiting.push(socket)
      else socket.write(OK)
      if (waiting?.length !== 6) return
      for (const each of waiting) each.write(OK)
      waiting = undefined
    })
  })
  expect(await Promise.all(Array.from({ length: 6 }, status))).toEqual(Array(6).fill(200))
  expect(await status()).toBe(200)
  expect(accepted.size).toBe(6)
})

describe('a client that goes', () => {
  it('while a connection is made for it leaves none behind', async () => {
    await app((socket) => {
      socket.once('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`),
      )
    })
    // The table does not show it, but it is there: asked for by a person, it is tried.
    const link = links.get(ID)
    link.setTable({ available: true, listeners: [], others: [] })
    await waitFor(service.ports, `${ID}:3000`, (port) => port?.state === 'not-listening')
    const dial = link.dial.bind(link)
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    link.dial = async (port) => {
      await held
      return dial(port, new AbortController().signal)
    }
    const { socket } = client()
    socket.write(head('GET', ['Accept: text/html']))
    await once(socket, 'connect')
    expect(await ask('GET', [], '', 'localhost')).toMatch(/^HTTP\/1\.1 404 /)
    socket.resetAndDestroy()
    // Once the router has answered another, it has seen this one go.
    expect(await ask('GET', [], '', 'localhost')).toMatch(/^HTTP\/1\.1 404 /)
    release()
    await vi.waitFor(() => expect(link.dials).toBe(1))
    await vi.waitFor(() => expect(accepted.size).toBe(1))
    await vi.waitFor(() => expect(link.open.size).toBe(0))
  })

  it.each(['GET', 'POST', 'upgrade'])('while its workspace is away is held no longer (%s)', async (kind) => {
    await app(says(OK))
    workspaces.patch(ID, { state: 'starting', reason: 'it starts' })
    const request =
      kind === 'upgrade' ? head('GET', ['Connection: Upgrade', 'Upgrade: websocket']) : head(kind, [])
    // As many as may wait for one port.
    for (let count = 0; count < 200; count++) {
      const { socket } = client()
      socket.write(request)
      await once(socket, 'connect')
      socket.resetAndDestroy()
    }
    const asked = status()
    await vi.waitFor(() => expect(service.ports.get(`${ID}:3000`)?.state).toBe('reconnecting'))
    await new Promise((resolve) => setTimeout(resolve, 300))
    workspaces.patch(ID, { state: 'running', reason: 'it runs', incarnation: 'second' })
    expect(await asked).toBe(200)
    expect(accepted.size).toBeLessThanOrEqual(1)
  })

  it('in the middle of an answer ends it in the app too', async () => {
    let closed = false
    await app((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
        const more = () => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65536)));
        }
        socket.on('drain', more)
        socket.on('close', () => {
          closed = true
        })
        more()
      })
    })
    const { socket } = client()
    socket.write(head('GET', []))
    await once(socket, 'data')
    socket.destroy()
    await vi.waitFor(() => expect(closed).toBe(true))
  })

  it('before the answers to what it asked in advance leaves no connection', async () => {
    await app((socket) => {
      socket.once('data', (request) => {
        if (String(request).startsWith('POST'))
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`)
      })
    })
    const { socket } = client()
    // The first is never answered, so that the others' turn does not come.
    socket.write(head('GET', []) + head('POST', []).repeat(20))
    await vi.waitFor(() => expect(accepted.size).toBe(21))
    socket.destroy()
    await vi.waitFor(() => expect(links.get(ID).open.size).toBe(0))
  })

  it('while the app says nothing to its upgrade ends that in the app too', async () => {
    await app((socket) => socket.resume())
    const { socket } = client()
    socket.write(head('GET', ['Connection: Upgrade', 'Upgrade: websocket']))
    await vi.waitFor(() => expect(links.get(ID).open.size).toBe(1))
    socket.end()
    await vi.waitFor(() => expect(links.get(ID).open.size).toBe(0))
  })

  it('after a refused upgrade leaves no connection, whatever it sent', async () => {
    let refuse: (() => void) | undefined
    await app((socket) => {
      socket.resume()
      socket.once('data', () => {
        refuse = () => socket.end('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno')
      })
    })
    const opened: net.Socket[] = []
    const onSocket = (message: unknown) => opened.push((message as { socket: net.Socket }).socket)
    const sockets = channel('net.server.socket')
    sockets.subscribe(onSocket)
    const { socket, everything } = client()
    socket.write(head('GET', ['Connection: Upgrade', 'Upgrade: websocket']))
    await vi.waitFor(() => expect(refuse).toBeDefined())
    socket.write('bytes that nobody reads')
    // Once the router has answered another, it has these too.
    expect(await ask('GET', [], '', 'localhost')).toMatch(/^HTTP\/1\.1 404 /)
    refuse?.()
    expect(await everything).toMatch(/^HTTP\/1\.1 403 No\r\n.*no$/s)
    sockets.unsubscribe(onSocket)
    expect(opened.length).toBeGreaterThan(0)
    await vi.waitFor(() => expect(opened.filter((each) => !each.destroyed)).toEqual([]))
  })
})
