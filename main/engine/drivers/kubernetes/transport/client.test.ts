import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { ProblemError } from '#contract'
import { makeAuthority } from '../../shared/certificates.suite'
import {
  answer,
  clientOf,
  type ServerOptions,
  startPlainServer,
  startServer,
  statusBody,
} from './api-server.suite'
import type { ApiError } from './errors'
import { ManualClock, settled, until } from './testing.suite'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serve(options: ServerOptions = {}) {
  const server = await startServer(options)
  closing.push(server.close)
  return server
}

function connect(...parameters: Parameters<typeof clientOf>) {
  const made = clientOf(...parameters)
  closing.push(() => made.client.dispose())
  return made
}

async function problemOf(client: ReturnType<typeof connect>['client'], act: Promise<unknown>) {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const failure = client.failure(error, 'Looking')
  if (!(failure instanceof ProblemError)) throw failure
  return failure.problem
}

describe('calls', () => {
  test('a hundred of them in a row need one handshake', async () => {
    const server = await serve()
    const { client } = connect(server)
    for (let call = 0; call < 100; call++) {
      expect(await client.json('GET', '/api')).toEqual({ ok: true })
    }
    expect(server.seen.handshakes).toBe(1)
  })

  test('two hundred at once take 64 connections at most', async () => {
    const server = await serve()
    const { client } = connect(server)
    await Promise.all(Array.from({ length: 200 }, () => client.json('GET', '/api')))
    expect(server.seen.requests).toHaveLength(200)
    expect(server.seen.handshakes).toBeLessThanOrEqual(64)
  })

  test('do not wait for streams, however many are open', async () => {
    const server = await serve({
      onRequest: (request, response) => {
        if (request.url === '/watch') response.write('{}\n')
        else answer(response, 200, {})
      },
    })
    const { client } = connect(server)
    const streams = await Promise.all(Array.from({ length: 80 }, () => client.stream('/watch')))
    await client.json('GET', '/api')
    for (const stream of streams) stream.destroy()
  })

  test('carry query, body, headers and the path of the server', async () => {
    const bodies: string[] = []
    const server = await serve({
      onRequest: (request, response) => {
        request.setEncoding('utf8')
        request.on('data', (text: string) => bodies.push(`${request.headers['content-type']} ${text}`))
        request.on('end', () => answer(response, 200, { authorization: request.headers.authorization }))
      },
    })
    const { client } = connect(server, { server: `${server.url}/k8s/clusters/c-1/` })
    const query = { command: ['a b', 'c'], stdin: true, none: undefined }
    expect(await client.json('POST', '/api', { query, json: { a: 1 } })).toEqual({
      authorization: 'Bearer first',
    })
    await client.apply('/api/x', { kind: 'X' }, { force: true })
    expect(server.seen.requests).toEqual([
      'POST /k8s/clusters/c-1/api?command=a+b&command=c&stdin=true',
      'PATCH /k8s/clusters/c-1/api/x?fieldManager=berth&force=true',
    ])
    expect(bodies).toEqual(['application/json {"a":1}', 'application/apply-patch+yaml {"kind":"X"}'])
  })

  test('go on over a connection that the server closed while it waited', async () => {
    const server = await serve()
    const { client } = connect(server)
    await client.json('GET', '/api')
    // Without a goodbye: the client learns of it when it sends.
    for (const socket of server.sockets) socket.destroy()
    expect(await client.json('GET', '/api')).toEqual({ ok: true })
    expect(await client.json('POST', '/api')).toEqual({ ok: true })
  })

  test('what must not be done twice is not repeated when its connection breaks', async () => {
    const server = await serve({ onRequest: (request) => request.socket.destroy() })
    const { client } = connect(server)
    const problem = await problemOf(client, client.json('POST', '/api', { json: {} }))
    expect(problem.code).toBe('connection-lost')
    expect(server.seen.requests).toHaveLength(1)
  })

  test('a 401 renews the credentials once, and is a Problem after that', async () => {
    let accepts = 'Bearer second'
    const server = await serve({
      onRequest: (request, response) =>
        request.headers.authorization === accepts
          ? answer(response, 200, { in: true })
          : answer(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized')),
    })
    const { client, credentials } = connect(server)
    expect(await client.json('GET', '/api')).toEqual({ in: true })
    expect(credentials.refused).toEqual([{ authorization: 'Bearer first' }])
    accepts = 'nothing'
    expect((await problemOf(client, client.json('GET', '/api'))).code).toBe('credentials-failed')
    expect(server.seen.requests).toHaveLength(4)
  })

  test('a busy server is asked again when it said, but not beyond the limit', async () => {
    const clock = new ManualClock()
    let busy = 2
    const server = await serve({
      onRequest: (_request, response) =>
        busy-- > 0
          ? answer(response, 429, statusBody(429, 'TooManyRequests', 'slow down'), { 'retry-after': '2' })
          : answer(response, 200, { done: true }),
    })
    const { client } = connect(server, {}, clock)
    const call = client.json('GET', '/api')
    for (const asked of [1, 2]) {
      await until(() => server.seen.requests.length === asked)
      await settled(() => server.seen.requests.length)
      expect(server.seen.requests).toHaveLength(asked)
      await clock.advance(2000)
    }
    expect(await call).toEqual({ done: true })
    busy = 1
    const refused = client.json('GET', '/api', { timeout: 1000 })
    await expect(refused).rejects.toMatchObject({ status: 429, reason: 'TooManyRequests' })
  })

  test('a server that says nothing, or stops in the middle, is given up', async () => {
    const clock = new ManualClock()
    const server = await serve({
      onRequest: (request, response) => {
        if (request.url === '/half') response.write('{"half":')
      },
    })
    const { client } = connect(server, {}, clock)
    for (const path of ['/silent', '/half']) {
      const problem = problemOf(client, client.json('GET', path))
      await until(() => server.seen.requests.includes(`GET ${path}`))
      await settled(() => server.seen.requests.length)
      await clock.advance(31_000)
      expect(await problem).toMatchObject({
        code: 'target-unreachable',
        cause: expect.stringContaining('30 seconds'),
      })
    }
  })

  test('are cancelled, also while they wait for a turn or an answer', async () => {
    const server = await serve({ onRequest: () => undefined })
    const { client } = connect(server)
    const abort = new AbortController()
    const calls = Array.from({ length: 70 }, () =>
      problemOf(client, client.json('GET', '/api', { signal: abort.signal })),
    )
    await until(() => server.seen.requests.length === 64)
    abort.abort()
    const codes = (await Promise.all(calls)).map(({ code }) => code)
    expect(new Set(codes)).toEqual(new Set(['cancelled']))
    expect(server.seen.requests).toHaveLength(64)
  })

  test('dispose ends what is open and refuses what comes', async () => {
    const server = await serve({ onRequest: (_request, response) => response.write('{}') })
    const { client } = connect(server)
    const stream = await client.stream('/watch')
    stream.resume()
    const closed = new Promise((resolve) => stream.once('close', resolve))
    await client.dispose()
    await closed
    await until(() => server.sockets.size === 0)
    await expect(client.json('GET', '/api')).rejects.toThrow('closed')
  })
})

describe('streams', () => {
  test('that are not read hold up the server and fill no memory', async () => {
    let sent = 0
    const server = await serve({
      onRequest: (_request, response) => {
        const more = () => {
          while (sent < 200_000_000 && response.write(Buffer.alloc(100_000))) sent += 100_000
          response.once('drain', more)
        }
        more()
      },
    })
    const { client } = connect(server)
    const stream = await client.stream('/log')
    const before = process.memoryUsage().arrayBuffers
    const held = await settled(() => sent)
    expect(held).toBeLessThan(100_000_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
    stream.destroy()
    await once(stream, 'close')
  })
})

describe('certificates', () => {
  test('of the client that change are used from the next call on', async () => {
    const authority = makeAuthority()
    const server = await serve({ authority })
    const { client, credentials } = connect(server)
    const use = (commonName: string) => {
      const { cert, key } = authority.issue({ commonName })
      credentials.identity = { ca: authority.cert, cert, key, skipVerify: false }
    }
    use('old')
    await client.json('GET', '/api')
    await client.json('GET', '/api')
    use('new')
    await client.json('GET', '/api')
    await client.json('POST', '/api')
    expect(server.seen.clients).toEqual(['old', 'old', 'new', 'new'])
  })

  test('of the server are checked, and what is wrong is said', async () => {
    const hour = 3_600_000
    const cases = [
      { certificate: undefined, trusted: makeAuthority().cert, says: 'not signed by an authority' },
      {
        certificate: { notAfter: new Date(Date.now() - hour), notBefore: new Date(Date.now() - 2 * hour) },
        says: 'has expired',
      },
      { certificate: { notBefore: new Date(Date.now() + hour) }, says: 'not valid yet' },
      { certificate: { names: ['elsewhere.example'] }, says: 'for another name' },
    ]
    for (const { certificate, trusted, says } of cases) {
      const server = await serve({ certificate: (authority) => authority.issue(certificate) })
      const { client, credentials } = connect(server)
      if (trusted) credentials.identity = { ca: trusted, skipVerify: false }
      const problem = await problemOf(client, client.json('GET', '/api'))
      expect(problem).toMatchObject({ code: 'tls-failed', cause: expect.stringContaining(says) })
      expect(problem.remedy).not.toBe('')
      expect(server.seen.requests).toEqual([])
      credentials.identity = { skipVerify: true }
      expect(await client.json('GET', '/api')).toEqual({ ok: true })
    }
  })

  test('tls-server-name is the name that counts', async () => {
    const server = await serve({ certificate: (authority) => authority.issue({ names: ['kube.internal'] }) })
    const { client, credentials } = connect(server)
    credentials.identity = { ca: server.authority.cert, serverName: 'kube.internal', skipVerify: false }
    expect(await client.json('GET', '/api')).toEqual({ ok: true })
  })

  test('that are none are a fault of the kubeconfig', async () => {
    const server = await serve()
    const { client, credentials } = connect(server)
    credentials.identity = { cert: 'nonsense', key: 'nonsense', skipVerify: true }
    expect((await problemOf(client, client.json('GET', '/api'))).code).toBe('target-misconfigured')
  })
})

describe('servers', () => {
  test('without TLS are used on this machine only', async () => {
    const plain = await startPlainServer()
    closing.push(plain.close)
    const { client } = connect({ url: `http://127.0.0.1:${plain.port}` })
    expect(await client.json('GET', '/api')).toEqual({ plain: true })
    const away = connect({ url: 'http://192.0.2.1:8080' })
    expect(await problemOf(away.client, away.client.json('GET', '/api'))).toMatchObject({
      code: 'target-misconfigured',
      cause: expect.stringContaining('in the clear'),
    })
  })

  test('that are not there, or are no API server, are told apart', async () => {
    const gone = await startPlainServer()
    await gone.close()
    const unreachable = connect({ url: `https://127.0.0.1:${gone.port}` })
    expect(await problemOf(unreachable.client, unreachable.client.json('GET', '/'))).toMatchObject({
      code: 'target-unreachable',
      cause: expect.stringContaining('Nothing answers'),
    })
    const plain = await startPlainServer()
    closing.push(plain.close)
    const noTls = connect({ url: `https://127.0.0.1:${plain.port}` })
    expect(await problemOf(noTls.client, noTls.client.json('GET', '/'))).toMatchObject({
      code: 'tls-failed',
      cause: expect.stringContaining('does not speak TLS'),
    })
    const server = await serve({
      onRequest: (request, response) => {
        if (request.url === '/login')
          response.writeHead(302, { location: 'https://login.example/?secret=1' }).end()
        else response.end('<html>welcome</html>')
      },
    })
    const { client } = connect(server)
    const redirected = await problemOf(client, client.json('GET', '/login'))
    expect(redirected.code).toBe('target-misconfigured')
    expect(redirected.detail).not.toContain('secret')
    expect((await problemOf(client, client.json('GET', '/page'))).code).toBe('target-misconfigured')
  })

  test('that fail say why', async () => {
    const server = await serve({
      onRequest: (_request, response) =>
        answer(response, 500, statusBody(500, 'InternalError', 'etcd is gone')),
    })
    const { client } = connect(server)
    await expect(client.json('GET', '/')).rejects.toSatisfy(
      (error: ApiError) => error.reason === 'InternalError',
    )
    expect(await problemOf(client, client.json('GET', '/'))).toMatchObject({
      code: 'target-unreachable',
      cause: expect.stringContaining('etcd is gone'),
    })
  })
})
