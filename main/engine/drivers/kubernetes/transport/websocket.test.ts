import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../../../platform/clock'
import type { ApiWebSocket } from '../api'
import { clientOf, type ServerOptions, startServer, statusBody } from './api-server.suite'
import { SpdyPeer } from './spdy/peer.suite'
import { ManualClock, settled, until } from './testing.suite'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

interface Upgraded {
  readonly websocket: WebSocket
  readonly request: IncomingMessage
  readonly socket: TLSSocket
}

/** An API server whose websockets are what `onSocket` makes of them. */
async function serve(onSocket: (upgraded: Upgraded) => void, clock?: Clock, more: ServerOptions = {}) {
  const websockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => [...protocols].at(-1) ?? false,
    perMessageDeflate: false,
  })
  const server = await startServer({
    onUpgrade: (request, socket, head) => {
      websockets.handleUpgrade(request, socket, head, (websocket) => {
        onSocket({ websocket, request, socket: socket as TLSSocket })
      })
    },
    ...more,
  })
  const { client, credentials } = clientOf(server, {}, clock)
  closing.push(server.close, () => client.dispose())
  return { server, client, credentials }
}

/** Answers an upgrade with a status and a body. */
function refuse(socket: Duplex, status: number, body: string): void {
  socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

async function sendAll(websocket: ApiWebSocket, blocks: Iterable<Buffer>): Promise<void> {
  let goOn: () => void = () => undefined
  websocket.onDrain(() => goOn())
  for (const block of blocks) {
    if (websocket.send(Buffer.from([0]), block)) continue
    await new Promise<void>((resolve) => {
      goOn = resolve
    })
  }
}

describe('a websocket', () => {
  test('has the protocol that the server chose, and carries what is said and who says it', async () => {
    const headers: IncomingMessage['headers'][] = []
    const { client } = await serve(({ websocket, request }) => {
      headers.push(request.headers)
      websocket.on('message', (data: Buffer) => websocket.send(data))
    })
    const websocket = await client.websocket('/exec', { query: { command: ['a', 'b'] }, protocols })
    expect(websocket.protocol).toBe('v4.channel.k8s.io')
    const messages: Buffer[] = []
    websocket.onMessage((data) => messages.push(data))
    const sizes = [0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 1_000_000]
    const sent = sizes.map((size) => Buffer.concat([Buffer.from([1]), randomBytes(size)]))
    for (const data of sent) websocket.send(data.subarray(0, 1), data.subarray(1))
    await until(() => messages.length === sent.length)
    expect(messages.map((data, index) => data.equals(sent[index] ?? Buffer.alloc(0)))).toEqual(
      sizes.map(() => true),
    )
    expect(headers[0]?.authorization).toBe('Bearer first')
    expect(headers[0]?.['sec-websocket-extensions']).toBeUndefined()
    websocket.close()
    expect((await websocket.ended).clean).toBe(true)
  })

  test('may have no protocol, for a watch, and tells its origin then', async () => {
    const { client, server } = await serve(({ websocket, request }) => {
      websocket.send(`{"origin":"${request.headers.origin}"}`)
      websocket.close()
    })
    const websocket = await client.websocket('/watch', { protocols: [] })
    const messages: string[] = []
    websocket.onMessage((data) => messages.push(data.toString()))
    expect((await websocket.ended).clean).toBe(true)
    expect(messages).toEqual([`{"origin":"${server.url}"}`])
  })

  test('that is refused is an ApiError with what the server said', async () => {
    const body = JSON.stringify(statusBody(403, 'Forbidden', 'pods "x" is forbidden: no', { kind: 'pods' }))
    const { client } = await serve(() => undefined, undefined, {
      onUpgrade: (_request, socket) => refuse(socket, 403, body),
    })
    for (const open of [
      client.websocket('/exec', { protocols }),
      client.spdy('/exec', { protocols }),
      client.spdyOverWebSocket('/exec', { protocols }),
    ]) {
      await expect(open).rejects.toMatchObject({
        status: 403,
        reason: 'Forbidden',
        details: { kind: 'pods' },
      })
    }
  })

  test('that is refused with a 401 is tried once more with renewed credentials', async () => {
    const tokens: (string | undefined)[] = []
    const { client } = await serve(() => undefined, undefined, {
      onUpgrade: (request, socket) => {
        tokens.push(request.headers.authorization)
        refuse(socket, 401, '')
      },
    })
    await expect(client.websocket('/exec', { protocols })).rejects.toMatchObject({ status: 401 })
    expect(tokens).toEqual(['Bearer first', 'Bearer second'])
  })

  test('of a server that answers nothing is given up', async () => {
    const clock = new ManualClock()
    const { client, server } = await serve(() => undefined, clock, { onUpgrade: () => undefined })
    const opened = expect(client.websocket('/exec', { protocols })).rejects.toThrow('no answer for 30 s')
    await until(() => server.seen.requests.length === 1)
    await clock.advance(31_000)
    await opened
  })

  test('that breaks is over, with the reason, after what came', async () => {
    const { client } = await serve(({ websocket, socket }) => {
      websocket.send('last words', () => socket.destroy())
    })
    const websocket = await client.websocket('/exec', { protocols })
    const messages: string[] = []
    websocket.onMessage((data) => messages.push(data.toString()))
    const { clean, reason } = await websocket.ended
    expect({ clean, messages }).toEqual({ clean: false, messages: ['last words'] })
    expect(reason).not.toBe('')
    expect(websocket.send(Buffer.from('into the void'))).toBe(true)
  })

  test('that is paused gives nothing, and all of it in order later, the end last', async () => {
    const { client } = await serve(({ websocket }) => {
      for (let part = 0; part < 1000; part++) websocket.send(String(part))
      websocket.close(1000)
    })
    const websocket = await client.websocket('/exec', { protocols })
    const messages: string[] = []
    websocket.onMessage((data) => {
      messages.push(data.toString())
      if (messages.length % 100 === 0) websocket.pause()
    })
    let ended = false
    void websocket.ended.then(() => {
      ended = true
    })
    for (let held = 100; held < 1000; held += 100) {
      await until(() => messages.length === held)
      expect(await settled(() => messages.length)).toBe(held)
      expect(ended).toBe(false)
      websocket.resume()
    }
    await until(() => messages.length === 1000)
    websocket.resume()
    expect((await websocket.ended).clean).toBe(true)
    expect(messages).toEqual(Array.from({ length: 1000 }, (_, part) => String(part)))
  })
})

describe('memory', () => {
  test('a reader that stops stops the server, and holds less than 8 MB', async () => {
    let sent = 0
    const { client } = await serve(({ websocket }) => {
      const more = () => {
        while (sent < 200_000_000 && websocket.bufferedAmount < 1_000_000) {
          websocket.send(Buffer.alloc(32 * 1024), () => more())
          sent += 32 * 1024
        }
      }
      more()
    })
    const websocket = await client.websocket('/exec', { protocols })
    let received = 0
    websocket.onMessage((data) => {
      received += data.length
      websocket.pause()
    })
    const before = process.memoryUsage().arrayBuffers
    expect(await settled(() => sent)).toBeLessThan(100_000_000)
    // The server's own megabyte is in it, too.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024)
    expect(received).toBeLessThan(200_000)
    websocket.destroy()
    await websocket.ended
  })

  test('a server that stops reading stops who sends, and goes on with all of it', async () => {
    const hash = createHash('sha256')
    const opened: Upgraded[] = []
    const { client } = await serve((upgraded) => {
      opened.push(upgraded)
      upgraded.websocket.on('message', (data: Buffer) => hash.update(data.subarray(1)))
    })
    const websocket = await client.websocket('/exec', { protocols })
    await until(() => opened.length === 1)
    opened[0]?.websocket.pause()
    let given = 0
    const expected = createHash('sha256')
    function* blocks() {
      while (given < 64 * 1024 * 1024) {
        const block = randomBytes(256 * 1024)
        given += block.length
        expected.update(block)
        yield block
      }
    }
    const all = sendAll(websocket, blocks())
    const taken = await settled(() => given)
    const received = opened[0]?.socket.bytesRead ?? 0
    // What the two kernels hold is not ours: some megabytes on loopback.
    expect(taken - received).toBeLessThan(24 * 1024 * 1024)
    opened[0]?.websocket.resume()
    await all
    websocket.close()
    await websocket.ended
    expect(hash.digest('hex')).toBe(expected.digest('hex'))
  })
})

describe('a link', () => {
  test('that is half-open is found within 20 s', async () => {
    const clock = new ManualClock()
    const { client } = await serve(({ socket }) => socket.pause(), clock)
    const websocket = await client.websocket('/exec', { protocols })
    websocket.onMessage(() => undefined)
    websocket.send(Buffer.from('a key'))
    await clock.advance(22_000)
    expect(await websocket.ended).toEqual({
      clean: false,
      reason: expect.stringContaining('no sign of life'),
    })
  })

  test('that is idle stays, kept alive by pings', async () => {
    const clock = new ManualClock()
    let pings = 0
    const { client } = await serve(({ websocket }) => {
      websocket.on('ping', () => {
        pings++
      })
    }, clock)
    const websocket = await client.websocket('/exec', { protocols })
    websocket.onMessage(() => undefined)
    await clock.advance(300_000)
    expect(pings).toBeGreaterThanOrEqual(25)
    websocket.close()
    expect((await websocket.ended).clean).toBe(true)
  })

  test('stays while it is this side that does not read', async () => {
    const clock = new ManualClock()
    const { client } = await serve(({ websocket }) => websocket.send('later'), clock)
    const websocket = await client.websocket('/exec', { protocols })
    const messages: string[] = []
    websocket.onMessage((data) => messages.push(data.toString()))
    websocket.pause()
    await clock.advance(120_000)
    websocket.resume()
    await until(() => messages.length === 1)
    websocket.close()
    expect((await websocket.ended).clean).toBe(true)
  })

  test('whose other side is stuck with what was sent lives as long as the server does', async () => {
    const clock = new ManualClock()
    const opened: Upgraded[] = []
    const { client, server } = await serve((upgraded) => {
      opened.push(upgraded)
      upgraded.websocket.pause()
    }, clock)
    const websocket = await client.websocket('/exec', { protocols })
    websocket.onMessage(() => undefined)
    websocket.send(Buffer.alloc(100_000))
    let ended = false
    void websocket.ended.then(() => {
      ended = true
    })
    await clock.advance(60_000)
    expect(ended).toBe(false)
    expect(server.seen.requests).toContain('GET /version')
    const [stuck] = opened
    // Nobody new gets in, and what is open is not heard of.
    for (const socket of server.sockets) if (socket !== stuck?.socket) socket.destroy()
    stuck?.socket.pause()
    server.refuse()
    await clock.advance(40_000)
    expect((await websocket.ended).reason).toContain('does not answer on another connection')
  })
})

describe('SPDY', () => {
  test('is what a POST turns into, with the protocol that the server chose', async () => {
    const seen: IncomingMessage[] = []
    const { client } = await serve(() => undefined, undefined, {
      onUpgrade: (request, socket) => {
        seen.push(request)
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n',
        )
        new SpdyPeer(socket, { onFin: (stream) => stream.fin() })
      },
    })
    const session = await client.spdy('/exec', { protocols })
    expect(session.protocol).toBe('v4.channel.k8s.io')
    expect(seen[0]?.method).toBe('POST')
    expect(seen[0]?.headers.upgrade).toBe('SPDY/3.1')
    const lines = seen[0]?.rawHeaders.filter((_, index, all) =>
      /^x-stream-protocol/i.test(all[index - 1] ?? ''),
    )
    expect(lines).toEqual(protocols)
    const stream = await session.open({ streamType: 'data' })
    stream.end('x')
    stream.resume()
    await until(() => session.streams === 0)
    session.close()
    expect((await session.ended).clean).toBe(true)
  })

  test('in a websocket carries streams of any size, half-closed in both directions', async () => {
    const name = 'SPDY/3.1+portforward.k8s.io'
    const seen: (string | undefined)[] = []
    const websockets = new WebSocketServer({ noServer: true })
    // As for the client, ws takes no name with a slash for one of a protocol.
    websockets.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${name}`))
    const { client } = await serve(() => undefined, undefined, {
      onUpgrade: (request, socket, head) => {
        seen.push(request.headers['sec-websocket-protocol'])
        delete request.headers['sec-websocket-protocol']
        websockets.handleUpgrade(request, socket, head, (websocket) => {
          new SpdyPeer(createWebSocketStream(websocket), {
            onFin: (stream) => {
              const hash = createHash('sha256')
              for (const piece of stream.received) hash.update(piece)
              stream.send(hash.digest('hex'), true)
            },
          })
        })
      },
    })
    const session = await client.spdyOverWebSocket('/portforward', { protocols: ['portforward.k8s.io'] })
    expect(seen).toEqual([name])
    expect(session.protocol).toBe('portforward.k8s.io')
    const answers = await Promise.all(
      [1, 70_000, 5_000_000].map(async (size) => {
        const stream = await session.open({ streamType: 'data' })
        const data = randomBytes(size)
        stream.end(data)
        const chunks: Buffer[] = []
        for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
        return Buffer.concat(chunks).toString() === createHash('sha256').update(data).digest('hex')
      }),
    )
    expect(answers).toEqual([true, true, true])
    session.close()
    expect((await session.ended).clean).toBe(true)
  })
})
