import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../platform/clock'
import { dialerOf, end, listening, node, type Pair, refuse } from './fake-node'
import { type FakeSession, FakeWebSocket, refusal } from './fakes'
import type { ForwardProtocol } from './port-forward'
import { ProtocolMemory } from './protocols'

const never = new AbortController().signal
const tick = () => new Promise((resolve) => setTimeout(resolve, 5))

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await tick()
}

describe('dial over SPDY', () => {
  it('refuses where nothing listens', async () => {
    const dialer = dialerOf(node(refuse))
    await expect(dialer.dial('pod', 9000, never)).rejects.toMatchObject({ problem: { code: 'port-refused' } })
  })

  it('is open where the client speaks first, once a closed port has been refused', async () => {
    const asked: number[] = []
    const dialer = dialerOf(
      node((pair) => {
        asked.push(pair.port)
        if (pair.port !== 7001) refuse(pair)
      }),
      // What was seen just now is known for a second.
      { clock: { ...systemClock, now: () => 1_000_000 } },
    )
    await dialer.dial('pod', 7001, never)
    expect(asked).toEqual([7001, 1])
    await dialer.dial('pod', 7001, never)
    await until(() => asked.length > 2)
    expect(asked).toEqual([7001, 1, 7001])
  })

  it('asks another closed port when something listens on the first', async () => {
    const asked: number[] = []
    const dialer = dialerOf(
      node((pair) => {
        asked.push(pair.port)
        if (pair.port === 1) pair.data.push('who would have thought')
        else if (pair.port !== 7001) refuse(pair)
      }),
    )
    await dialer.dial('pod', 7001, never)
    expect(asked).toEqual([7001, 1, 3])
  })

  it('is open with the first byte where the server speaks first', async () => {
    const dialer = dialerOf(node((pair) => pair.port === 7001 && pair.data.push('220 ready')))
    const socket = await dialer.dial('pod', 7001, never)
    const [greeting] = (await once(socket, 'data')) as [Buffer]
    expect(greeting.toString()).toBe('220 ready')
  })

  it('takes a connection that the server ends at once for open', async () => {
    const dialer = dialerOf(node(end))
    expect(await text(await dialer.dial('pod', 7001, never))).toBe('')
  })

  it('half-closes both ways', async () => {
    let pair: Pair | undefined
    const dialer = dialerOf(
      node(
        listening((found) => {
          pair = found
        }),
      ),
    )
    const socket = await dialer.dial('pod', 7001, never)
    socket.end('question')
    await once(socket, 'finish')
    expect(pair?.data.halfClosed).toBe(true)
    expect(pair && Buffer.concat(pair.data.received).toString()).toBe('question')
    pair?.data.push('answer')
    if (pair) end(pair)
    expect(await text(socket)).toBe('answer')
  })

  it('gives what came before a failure, and then the failure, to that connection alone', async () => {
    const pairs: Pair[] = []
    const dialer = dialerOf(
      node(
        listening((pair) => {
          pairs.push(pair)
        }),
      ),
    )
    const broken = await dialer.dial('pod', 7001, never)
    const other = await dialer.dial('pod', 7001, never)
    await until(() => pairs.length === 2)
    pairs[0]?.data.push('half')
    pairs[0]?.error.push('error forwarding port 7001: read: connection reset by peer')
    pairs[0]?.error.push(null)
    pairs[0]?.data.push(null)
    let seen = ''
    const failed = (async () => {
      for await (const chunk of broken) seen += chunk
    })()
    await expect(failed).rejects.toMatchObject({ code: 'ECONNRESET', problem: { code: 'connection-lost' } })
    expect(seen).toBe('half')
    pairs[1]?.data.push('still here')
    const [reply] = (await once(other, 'data')) as [Buffer]
    expect(reply.toString()).toBe('still here')
  })

  it('holds the sender up while the reader is slow, and goes on when it reads', async () => {
    let pair: Pair | undefined
    const dialer = dialerOf(
      node(
        listening((found) => {
          pair = found
        }),
      ),
    )
    const socket = await dialer.dial('pod', 7001, never)
    for (let count = 0; count < 64; count++) pair?.data.push(Buffer.alloc(32 * 1024))
    await until(() => pair?.data.near.isPaused() === true)
    let size = 0
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length
    })
    await until(() => size >= 64 * 32 * 1024)
    expect(size).toBe(64 * 32 * 1024)
  })

  it('gives each connection a session of its own, and uses one again that is free', async () => {
    const pairs: Pair[] = []
    const { sessions, spdy } = node(
      listening((pair) => {
        pairs.push(pair)
        pair.data.push('up')
      }),
    )
    const dialer = dialerOf({ spdy })
    const sockets = await Promise.all(Array.from({ length: 5 }, () => dialer.dial('pod', 7001, never)))
    expect(sessions.filter((session) => session.streams > 0)).toHaveLength(5)
    await until(() => pairs.length === 5)
    const count = sessions.length
    for (const pair of pairs) end(pair)
    for (const socket of sockets) {
      socket.end()
      socket.resume()
      await once(socket, 'close')
    }
    await until(() => sessions.every((session) => session.streams === 0))
    expect(sessions.filter((session) => session.over)).toEqual([])
    await dialer.dial('pod', 7001, never)
    await tick()
    expect(sessions).toHaveLength(count)
  })

  it('shares sessions when there are very many connections', async () => {
    const { sessions, spdy } = node(listening((pair) => pair.data.push('up')))
    const dialer = dialerOf({ spdy })
    await Promise.all(Array.from({ length: 100 }, () => dialer.dial('pod', 7001, never)))
    expect(sessions).toHaveLength(32)
  })

  it('does not use a session again that a connection was broken off on', async () => {
    const { sessions, spdy } = node(listening((pair) => pair.data.push('flood')))
    const dialer = dialerOf({ spdy })
    const socket = await dialer.dial('pod', 7001, never)
    socket.destroy()
    await once(socket, 'close')
    await until(() => sessions[0]?.over === true)
    await dialer.dial('pod', 7001, never)
    expect(sessions.filter((session) => session.streams > 0 && !session.over)).toHaveLength(1)
  })

  it('ends the connections of a session that dies, and opens a new one', async () => {
    const { sessions, spdy } = node(listening((pair) => pair.data.push('up')))
    const dialer = dialerOf({ spdy })
    const socket = await dialer.dial('pod', 7001, never)
    await once(socket, 'data')
    const failed = new Promise((resolve) => socket.once('error', resolve))
    for (const session of sessions) session.break('no sign of life for 20 s')
    expect(await failed).toMatchObject({
      code: 'ECONNRESET',
      problem: { detail: 'no sign of life for 20 s' },
    })
    const again = await dialer.dial('pod', 7001, never)
    const [reply] = (await once(again, 'data')) as [Buffer]
    expect(reply.toString()).toBe('up')
  })

  it('opens a new session where the pod was replaced behind an old one', async () => {
    let old: readonly FakeSession[] = []
    const { sessions, spdy } = node(
      listening((pair) => {
        if (!old.some((session) => session.opened.includes(pair.data))) return pair.data.push('up')
        pair.error.push('error forwarding port 7001: container not running (abc)')
        end(pair)
      }),
    )
    const dialer = dialerOf({ spdy })
    const before = await dialer.dial('pod', 7001, never)
    await once(before, 'data')
    await dialer.dial('pod', 7001, never)
    await tick()
    old = [...sessions]
    const after = await dialer.dial('pod', 7001, never)
    const [reply] = (await once(after, 'data')) as [Buffer]
    expect(reply.toString()).toBe('up')
  })

  it('gives up on abort, whenever that comes, and ends all when it is disposed of', async () => {
    for (const wait of [async () => undefined, tick]) {
      const silent = dialerOf(node(() => undefined))
      const controller = new AbortController()
      const dialled = silent.dial('pod', 7001, controller.signal)
      await wait()
      controller.abort()
      await expect(dialled).rejects.toBe(controller.signal.reason)
    }
    const { sessions, spdy } = node(listening((pair) => pair.data.push('up')))
    const dialer = dialerOf({ spdy })
    const socket = await dialer.dial('pod', 7001, never)
    const closed = new Promise<void>((resolve) => socket.once('close', resolve))
    socket.resume()
    dialer.dispose()
    await closed
    expect(sessions.every((session) => session.over)).toBe(true)
    await expect(dialer.dial('pod', 7001, never)).rejects.toMatchObject({
      problem: { code: 'connection-lost' },
    })
  })
})

describe('dial where SPDY does not pass', () => {
  const blocked = () => Promise.reject(refusal(400, 'no such upgrade'))
  const port = (number: number) => {
    const bytes = Buffer.alloc(2)
    bytes.writeUInt16LE(number)
    return bytes
  }
  const greet = (socket: FakeWebSocket, number: number) => {
    socket.message(0, port(number))
    socket.message(1, port(number))
  }

  it('tunnels it in a websocket where the server can', async () => {
    const { spdy } = node(listening((pair) => pair.data.push('up')))
    const protocols = new ProtocolMemory<ForwardProtocol>()
    const dialer = dialerOf({ spdy: blocked, spdyOverWebSocket: spdy }, { protocols })
    await dialer.dial('pod', 7001, never)
    expect(protocols.works).toBe('tunnel')
  })

  it('gives each connection a websocket, and the closed port that is asked too', async () => {
    const sockets: FakeWebSocket[] = []
    const dialer = dialerOf({
      spdy: blocked,
      websocket: async (_, { query }) => {
        const socket = new FakeWebSocket('v4.channel.k8s.io')
        sockets.push(socket)
        const [asked] = [query?.ports].flat()
        greet(socket, Number(asked))
        if (asked === '1') socket.message(1, 'error forwarding port 1: connection refused')
        return socket
      },
    })
    const socket = await dialer.dial('pod', 7001, never)
    socket.write('ask')
    sockets[0]?.message(0, 'answer')
    const [reply] = (await once(socket, 'data')) as [Buffer]
    expect(reply.toString()).toBe('answer')
    expect(sockets[0]?.sent).toEqual([Buffer.from('\0ask')])
    expect(sockets).toHaveLength(2)
    expect(sockets[1]?.destroyed).toBe(true)
    sockets[0]?.finish(true)
    socket.resume()
    await once(socket, 'end')
  })

  it('tells a refusal, and a connection that is lost', async () => {
    let refused = true
    const sockets: FakeWebSocket[] = []
    const dialer = dialerOf({
      spdy: blocked,
      websocket: async (_, { query }) => {
        const socket = new FakeWebSocket('v4.channel.k8s.io')
        const [asked] = [query?.ports].flat()
        greet(socket, Number(asked))
        if (asked === '7001') sockets.push(socket)
        if (refused || asked === '1') socket.message(1, 'connection refused')
        else socket.message(0, 'up')
        return socket
      },
    })
    await expect(dialer.dial('pod', 7001, never)).rejects.toMatchObject({ problem: { code: 'port-refused' } })
    refused = false
    const socket = await dialer.dial('pod', 7001, never)
    const failed = new Promise((resolve) => socket.once('error', resolve))
    socket.resume()
    sockets[1]?.finish(false)
    expect(await failed).toMatchObject({ code: 'ECONNRESET' })
    expect(sockets[0]?.destroyed).toBe(true)
  })
})
