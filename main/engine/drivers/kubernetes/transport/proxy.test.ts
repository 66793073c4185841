import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { ProblemError } from '#contract'
import { makeAuthority } from '../../shared/certificates.suite'
import { clientOf, startServer } from './api-server.suite'
import { openThroughProxy } from './proxy'
import { listen, until } from './testing.suite'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function listenOn(server: Server): Promise<number> {
  const listening = await listen(server)
  closing.push(listening.close)
  return listening.port
}

async function serve() {
  const server = await startServer()
  closing.push(server.close)
  return server
}

function splice(near: Duplex, far: Duplex): void {
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
  near.pipe(far).pipe(near)
}

/** Answers CONNECT, with what it was asked in `seen`. */
function connectProxy(seen: string[], password?: string) {
  return (request: IncomingMessage, socket: Duplex) => {
    seen.push(`${request.url} ${request.headers['proxy-authorization'] ?? 'nobody'}`)
    const wanted = password && `Basic ${Buffer.from(password).toString('base64')}`
    if (wanted && request.headers['proxy-authorization'] !== wanted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const [host = '', port] = request.url?.split(':') ?? []
    const far = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      splice(socket, far)
    })
    far.on('error', () => socket.destroy())
  }
}

/** RFC 1928, as little of it as a test needs. */
function socksServer(seen: string[], login?: string): Server {
  return createServer((socket: Socket) => {
    let rest: Buffer = Buffer.alloc(0)
    const read = async (length: number) => {
      while (rest.length < length) {
        const bytes = socket.read() as Buffer | null
        if (bytes) rest = Buffer.concat([rest, bytes])
        else await new Promise((resolve) => socket.once('readable', resolve))
      }
      const wanted = rest.subarray(0, length)
      rest = rest.subarray(length)
      return wanted
    }
    const serve = async () => {
      const [, methods = 0] = await read(2)
      await read(methods)
      if (login) {
        // In two pieces, as a network may deliver them.
        socket.write(Buffer.from([5]))
        await new Promise((resolve) => setTimeout(resolve, 5))
        socket.write(Buffer.from([2]))
        const [, userLength = 0] = await read(2)
        const user = await read(userLength)
        const password = await read((await read(1))[0] ?? 0)
        const isRight = `${user}:${password}` === login
        socket.write(Buffer.from([1, isRight ? 0 : 1]))
        if (!isRight) return socket.end()
      } else {
        socket.write(Buffer.from([5, 0]))
      }
      const head = await read(5)
      const host = (await read(head[4] ?? 0)).toString()
      const port = (await read(2)).readUInt16BE()
      seen.push(`${host}:${port}`)
      const far = connect(port, host, () => {
        socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
        splice(socket, far)
      })
      far.on('error', () => socket.end(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])))
    }
    void serve()
  })
}

async function problemThrough(proxy: string, url: string) {
  const { client } = clientOf({ url }, { proxy })
  closing.push(() => client.dispose())
  const error = await client.json('GET', '/api').then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const failure = client.failure(error, 'Looking')
  if (!(failure instanceof ProblemError)) throw failure
  return failure.problem
}

describe('a proxy', () => {
  test('of kind http is asked by CONNECT, with the credentials of its URL', async () => {
    const server = await serve()
    const seen: string[] = []
    const port = await listenOn(createHttpServer().on('connect', connectProxy(seen, 'me:p@ss')))
    const { client } = clientOf(server, { proxy: `http://me:p%40ss@127.0.0.1:${port}` })
    closing.push(() => client.dispose())
    expect(await client.json('GET', '/api')).toEqual({ ok: true })
    expect(seen).toEqual([`127.0.0.1:${server.port} Basic ${Buffer.from('me:p@ss').toString('base64')}`])
  })

  test('of kind https is spoken to over TLS, and trusted as the cluster is', async () => {
    const server = await serve()
    const seen: string[] = []
    const ports = await Promise.all(
      [server.authority, makeAuthority()].map(({ issue }) =>
        listenOn(createHttpsServer(issue()).on('connect', connectProxy(seen))),
      ),
    )
    const { client } = clientOf(server, { proxy: `https://127.0.0.1:${ports[0]}` })
    closing.push(() => client.dispose())
    expect(await client.json('GET', '/api')).toEqual({ ok: true })
    expect(seen).toEqual([`127.0.0.1:${server.port} nobody`])
    const problem = await problemThrough(`https://127.0.0.1:${ports[1]}`, server.url)
    expect(problem).toMatchObject({ code: 'target-unreachable', cause: expect.stringContaining('proxy') })
    expect(seen).toHaveLength(1)
  })

  test.each([undefined, 'me:secret'])(
    'of kind socks5 carries calls and upgrades (login: %s)',
    async (login) => {
      const server = await serve()
      const seen: string[] = []
      const port = await listenOn(socksServer(seen, login))
      const { client } = clientOf(server, { proxy: `socks5://${login ? `${login}@` : ''}127.0.0.1:${port}` })
      closing.push(() => client.dispose())
      expect(await client.json('GET', '/api')).toEqual({ ok: true })
      expect(await client.json('POST', '/api')).toEqual({ ok: true })
      expect(seen).toEqual([`127.0.0.1:${server.port}`, `127.0.0.1:${server.port}`])
    },
  )

  test('that refuses is named, without its password', async () => {
    const server = await serve()
    const httpPort = await listenOn(createHttpServer().on('connect', connectProxy([], 'right')))
    const wrong = await problemThrough(`http://me:wrong@127.0.0.1:${httpPort}`, server.url)
    expect(wrong).toMatchObject({
      code: 'target-unreachable',
      cause: expect.stringContaining('user and password'),
    })
    const socksPort = await listenOn(socksServer([], 'me:right'))
    const login = await problemThrough(`socks5://me:wrong@127.0.0.1:${socksPort}`, server.url)
    expect(login.cause).toContain('does not accept the user and password')
    const open = await listenOn(socksServer([]))
    const refused = await problemThrough(`socks5://127.0.0.1:${open}`, 'https://127.0.0.1:1')
    expect(refused.cause).toContain('refused')
    const gone = await problemThrough('http://127.0.0.1:1', server.url)
    expect(gone.code).toBe('target-unreachable')
    for (const problem of [wrong, login, refused, gone])
      expect(JSON.stringify(problem)).not.toContain('wrong')
  })

  test('that is none is a fault of the settings', async () => {
    for (const proxy of ['ftp://127.0.0.1:21', 'http://']) {
      expect((await problemThrough(proxy, 'https://127.0.0.1:1')).code).toBe('target-misconfigured')
    }
  })

  test('that says nothing is left when the call is cancelled', async () => {
    const sockets: Socket[] = []
    const port = await listenOn(createServer((socket) => void sockets.push(socket)))
    for (const kind of ['http', 'socks5']) {
      const abort = new AbortController()
      const opened = openThroughProxy(`${kind}://127.0.0.1:${port}`, { host: 'x', port: 1 }, abort.signal)
      const given = expect(opened).rejects.toThrow('enough')
      const before = sockets.length
      await until(() => sockets.length > before || sockets.some(({ bytesRead }) => bytesRead > 0))
      abort.abort(new Error('enough'))
      await given
    }
    for (const socket of sockets) socket.resume()
    await until(() => sockets.every(({ destroyed }) => destroyed))
  })
})
