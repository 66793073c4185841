import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../../platform/clock'
import { ManualClock, settled, socketPair, until } from '../testing.suite'
import { dataHeader } from './frames'
import { type PeerOptions, SpdyPeer } from './peer.suite'
import { createSpdySession } from './session'
import { SpdyResetError } from './stream'

let pair: Awaited<ReturnType<typeof socketPair>>
beforeEach(async () => {
  pair = await socketPair()
})
afterEach(() => pair.close())

function start(options: PeerOptions = {}, more: { clock?: Clock; reachable?: () => Promise<boolean> } = {}) {
  const peer = new SpdyPeer(pair.far, options)
  const session = createSpdySession({
    connection: pair.near,
    protocol: 'v4.channel.k8s.io',
    clock: systemClock,
    ...more,
  })
  return { peer, session }
}

/** Reads to the end of what the other side sends, and leaves the stream as it is. */
function read(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    stream.once('end', () => resolve(Buffer.concat(chunks).toString()))
    stream.once('error', reject)
  })
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve)
  })
}

describe('a session', () => {
  test('opens streams with odd numbers, whose headers arrive', async () => {
    const { peer, session } = start()
    const streams = await Promise.all(
      ['error', 'stdin', 'stdout'].map((streamType) => session.open({ streamType })),
    )
    expect(streams.map(({ streamId }) => streamId)).toEqual([1, 3, 5])
    expect([...peer.streams.values()].map(({ headers }) => headers)).toEqual([
      { streamtype: 'error' },
      { streamtype: 'stdin' },
      { streamtype: 'stdout' },
    ])
    expect(session.streams).toBe(3)
    session.destroy()
  })

  test('a stream half-closes in both directions, and is over then', async () => {
    const { session } = start({
      onFin: (stream) => {
        stream.send(`got ${Buffer.concat(stream.received)}`)
        stream.fin()
      },
    })
    const stream = await session.open({ streamType: 'data' })
    stream.end('question')
    expect(await read(stream)).toBe('got question')
    await until(() => session.streams === 0)
    session.close()
    expect(await session.ended).toEqual({ clean: true, reason: 'closed by this side' })
  })

  test('can be read to the end while its other direction stays open', async () => {
    const { peer, session } = start({
      onStream: (stream) => {
        stream.reply()
        stream.send('hello', true)
      },
    })
    const stream = await session.open({})
    expect(await read(stream)).toBe('hello')
    stream.end('still here')
    await until(() => peer.streams.get(1)?.finReceived === true)
    expect(Buffer.concat(peer.streams.get(1)?.received ?? []).toString()).toBe('still here')
    session.destroy()
  })

  test('100 MB of both directions arrive whole', async () => {
    const { session } = start({
      onData: (stream, piece) => {
        if (stream.send(piece)) return
        pair.far.pause()
        pair.far.once('drain', () => pair.far.resume())
      },
      onFin: (stream) => stream.fin(),
    })
    const stream = await session.open({})
    const [sent, got] = [createHash('sha256'), createHash('sha256')]
    stream.on('data', (chunk: Buffer) => got.update(chunk))
    const end = once(stream, 'end')
    for (let round = 0; round < 100; round++) {
      const block = randomBytes(1024 * 1024 - 1)
      sent.update(block)
      if (!stream.write(block)) await once(stream, 'drain')
    }
    stream.end()
    await end
    expect(got.digest('hex')).toBe(sent.digest('hex'))
    session.destroy()
  })

  test('a stream that is refused rejects, and the others go on', async () => {
    const { session } = start({
      onStream: (stream) => (stream.headers.streamtype === 'bad' ? stream.reset(3) : stream.reply()),
    })
    await expect(session.open({ streamType: 'bad' })).rejects.toThrow('refused')
    const stream = await session.open({ streamType: 'good' })
    expect(stream.destroyed).toBe(false)
    session.destroy()
  })

  test('a stream that is not accepted in time, or given up, is reset', async () => {
    const clock = new ManualClock()
    const { peer, session } = start({ onStream: () => undefined }, { clock })
    const late = expect(session.open({})).rejects.toThrow('not accepted within 30 s')
    await clock.advance(31_000)
    await late
    const abort = new AbortController()
    const given = expect(session.open({}, abort.signal)).rejects.toThrow('enough')
    await until(() => peer.streams.size === 2)
    abort.abort(new Error('enough'))
    await given
    await until(() => peer.streams.get(1)?.resetBy === 5 && peer.streams.get(3)?.resetBy === 5)
    expect(session.streams).toBe(0)
    session.destroy()
  })
})

describe('a reset', () => {
  test('by the other side comes after what it had sent, and closes that one stream', async () => {
    const { peer, session } = start()
    const stream = await session.open({})
    const other = await session.open({})
    const sent = peer.streams.get(1)
    for (let part = 0; part < 50; part++) sent?.send(`${part},`)
    sent?.reset(5)
    await until(() => session.streams === 1)
    const chunks: string[] = []
    const broken = (async () => {
      for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk.toString())
    })()
    await expect(broken).rejects.toBeInstanceOf(SpdyResetError)
    expect(chunks.join('')).toBe(Array.from({ length: 50 }, (_, part) => `${part},`).join(''))
    expect(other.destroyed).toBe(false)
    session.destroy()
  })

  test('after the end leaves the end as it was', async () => {
    const { peer, session } = start()
    const stream = await session.open({})
    const end = closed(stream)
    peer.streams.get(1)?.send('all of it', true)
    peer.streams.get(1)?.reset(5)
    expect(await read(stream)).toBe('all of it')
    await end
    session.destroy()
  })

  test('lets go who is writing', async () => {
    const { peer, session } = start({ onData: () => undefined })
    const stream = await session.open({})
    pair.far.pause()
    const end = closed(stream)
    for (let part = 0; part < 100; part++) stream.write(Buffer.alloc(1024 * 1024))
    peer.streams.get(1)?.reset(5)
    await end
    session.destroy()
  })

  test('is what the other side gets when a stream is destroyed', async () => {
    const { peer, session } = start()
    const stream = await session.open({})
    stream.destroy()
    await until(() => peer.streams.get(1)?.resetBy === 5)
    expect(session.streams).toBe(0)
    session.destroy()
  })
})

describe('backpressure', () => {
  test('a stream that is not read holds 2 MiB and the piece under way, and goes on when it is read', async () => {
    const { peer, session } = start()
    const stream = await session.open({})
    const total = 64 * 1024 * 1024
    let sent = 0
    const flood = () => {
      while (sent < total) {
        sent += 32 * 1024
        if (!peer.streams.get(1)?.send(Buffer.alloc(32 * 1024))) break
      }
      if (sent === total) peer.streams.get(1)?.fin()
      else pair.far.once('drain', flood)
    }
    flood()
    const taken = await settled(() => pair.near.bytesRead)
    expect(taken).toBeGreaterThan(2 * 1024 * 1024)
    expect(taken).toBeLessThan(3 * 1024 * 1024)
    let length = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) length += chunk.length
    expect(length).toBe(total)
    session.destroy()
  })

  test('a stream that is destroyed holds up nobody', async () => {
    const { peer, session } = start()
    const unread = await session.open({})
    const stream = await session.open({})
    for (let part = 0; part < 8; part++) peer.streams.get(1)?.send(Buffer.alloc(1024 * 1024))
    peer.streams.get(3)?.send('for you', true)
    await settled(() => pair.near.bytesRead)
    unread.destroy()
    expect(await read(stream)).toBe('for you')
    session.destroy()
  })

  test('small pieces that wait do not hold on to the memory that they came in', async () => {
    const { peer, session } = start()
    const unread = await session.open({})
    const busy = await session.open({})
    busy.resume()
    for (let part = 0; part < 4000; part++) {
      peer.streams.get(1)?.send('.')
      if (!peer.streams.get(3)?.send(Buffer.alloc(32 * 1024))) await once(pair.far, 'drain')
    }
    peer.streams.get(3)?.fin()
    const before = process.memoryUsage().arrayBuffers
    await once(busy, 'end')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
    peer.streams.get(1)?.fin()
    expect((await read(unread)).length).toBe(4000)
    session.destroy()
  })

  test('a peer that takes nothing stops who writes, with less than 8 MB on the way', async () => {
    const { session } = start()
    const stream = await session.open({})
    pair.far.pause()
    let given = 0
    const write = () => {
      do given += 64 * 1024
      while (stream.write(Buffer.alloc(64 * 1024)))
      stream.once('drain', write)
    }
    write()
    await settled(() => given)
    // What the kernel holds is not ours.
    expect(given - pair.near.bytesWritten + pair.near.writableLength).toBeLessThan(8 * 1024 * 1024)
    expect(pair.near.writableLength).toBeLessThan(1024 * 1024)
    session.destroy()
  })

  test('streams take turns: a few bytes do not wait for another stream to be done', async () => {
    const order: number[] = []
    const { session } = start({ onData: (stream) => void order.push(stream.streamId) })
    const bulk = await session.open({})
    const small = await session.open({})
    bulk.write(Buffer.alloc(16 * 1024 * 1024))
    small.write('key')
    await until(() => order.includes(3) && bulk.writableLength === 0)
    await settled(() => order.length)
    // However much of the bulk came until somebody looked.
    expect(order.indexOf(3)).toBeLessThan(order.length / 4)
    session.destroy()
  })
})

describe('the end of a session', () => {
  test('by a lost connection is told to all, and lets what came be read', async () => {
    const { peer, session } = start()
    const stream = await session.open({})
    peer.streams.get(1)?.send('last words')
    await settled(() => pair.near.bytesRead)
    pair.far.resetAndDestroy()
    expect((await session.ended).clean).toBe(false)
    const chunks: string[] = []
    const broken = (async () => {
      for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk.toString())
    })()
    await expect(broken).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(chunks).toEqual(['last words'])
    await expect(session.open({})).rejects.toThrow('the session is over')
  })

  test('by the server lets streams come to their end and takes no new one', async () => {
    const { peer, session } = start()
    const stream = await session.open({})
    peer.goAway(1)
    await settled(() => pair.near.bytesRead)
    await expect(session.open({})).rejects.toThrow('no new streams')
    peer.streams.get(1)?.send('bye', true)
    stream.end()
    expect(await read(stream)).toBe('bye')
    expect(await session.ended).toEqual({ clean: true, reason: 'the server ended the session' })
  })

  test('by this side waits for streams, says goodbye and hangs up', async () => {
    const { peer, session } = start({ onFin: (stream) => stream.fin() })
    const stream = await session.open({})
    session.close()
    await expect(session.open({})).rejects.toThrow('no new streams')
    stream.end('x')
    stream.resume()
    expect((await session.ended).clean).toBe(true)
    await until(() => peer.wentAway === 0 && pair.near.destroyed)
  })

  test('by what is no SPDY has a reason', async () => {
    const { session } = start()
    const end = closed(await session.open({}))
    pair.far.write('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    pair.far.write(Buffer.from('8009000100000000', 'hex'))
    const { clean, reason } = await session.ended
    expect(clean).toBe(false)
    expect(reason).toContain('SPDY')
    await end
  })

  test('pings of the server are answered, and streams of its own refused', async () => {
    const { peer, session } = start()
    await session.open({})
    pair.far.write(Buffer.from('800300060000000400000002', 'hex'))
    await until(() => peer.pings.includes(2))
    session.destroy()
  })
})

describe('a link', () => {
  test('that is half-open is found within 20 s', async () => {
    const clock = new ManualClock()
    const { session } = start({ silent: true }, { clock, reachable: async () => true })
    const stream = await session.open({})
    stream.write('a key')
    const end = closed(stream)
    await clock.advance(20_000)
    await clock.advance(2_000)
    expect(await session.ended).toEqual({ clean: false, reason: expect.stringContaining('no sign of life') })
    await end
  })

  test('that is idle stays, however long', async () => {
    const clock = new ManualClock()
    const { peer, session } = start({}, { clock, reachable: async () => false })
    await session.open({})
    await clock.advance(600_000)
    expect(peer.pings.length).toBeGreaterThan(50)
    expect(session.streams).toBe(1)
    session.destroy()
  })
})

test('noise never throws, and ends the session or leaves it be', async () => {
  let seed = 42
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return seed % below
  }
  for (let round = 0; round < 60; round++) {
    const own = await socketPair()
    const peer = new SpdyPeer(own.far)
    const session = createSpdySession({ connection: own.near, protocol: '', clock: systemClock })
    const stream = await session.open({ streamType: 'data' })
    stream.resume()
    const valid = Buffer.concat([
      dataHeader(1, 3, false),
      Buffer.from('abc'),
      Buffer.from('800300060000000400000002', 'hex'),
      Buffer.from('8003000200000012000000016260606000000000ffff', 'hex'),
      dataHeader(1, 0, true),
    ])
    const noise = round % 2 ? Buffer.concat(Array.from({ length: 20 }, () => valid)) : Buffer.alloc(400)
    for (let flips = 0; flips < 30; flips++) noise[random(noise.length)] = random(256)
    own.far.end(noise)
    const end = await session.ended
    expect(end.reason).not.toBe('')
    expect(peer.streams.size).toBe(1)
    await own.close()
  }
})
