import { sign } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { disconnect, message } from '../../link/ssh/messages'
import { PacketReader, PacketWriter } from '../../link/ssh/packets'
import { Transport } from '../../link/ssh/transport'
import { Reader, SshProtocolError, Writer } from '../../link/ssh/wire'
import { systemClock } from '../../platform/clock'
import { newKeyPair } from '../keys/key-pair'
import { Authentication } from './authentication'
import { SshServer } from './server'
import { ServerKeyExchange } from './server-key-exchange'

const hostKey = newKeyPair()
const clientKey = newKeyPair()
const entrance = {
  clientKey: clientKey.publicBlob,
  admits: (user: string) => user === 'berth',
  otherName: (user: string) => `not ${user}`,
}

/** The same numbers each time, below 1 (a linear congruential generator, Numerical Recipes). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
}

/** A promise that is settled from elsewhere. */
function deferred<T>() {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** A server, and what it did with a client of whatever kind. */
function openServer(clock = systemClock) {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const seen = { isIn: false, messages: 0, reason: undefined as Error | undefined }
  const over = deferred<void>()
  const server = new SshServer(
    { input, output, destroy: () => input.end() },
    { hostKey, entrance, clock },
    {
      entered: () => {
        seen.isIn = true
      },
      message: () => {
        seen.messages += 1
      },
      drained: () => undefined,
      ended: (reason) => {
        seen.reason = reason
        over.resolve()
      },
    },
  )
  return { input, output, over: over.promise, seen, server }
}

/** A client of our own that has keys and may say anything. */
function openClient(opened: ReturnType<typeof openServer>) {
  const ready = deferred<Transport>()
  const received: Buffer[] = []
  const ended = deferred<Error>()
  const transport = new Transport(
    { input: opened.output, output: opened.input, destroy: () => opened.output.end() },
    {
      ready: () => ready.resolve(transport),
      message: (payload) => received.push(Buffer.from(payload)),
      drained: () => undefined,
      ended: ended.resolve,
    },
  )
  return { ready: ready.promise, received, ended: ended.promise }
}

const serviceRequest = new Writer().byte(message.serviceRequest).string('ssh-userauth').done()
const request = (user: string, method: string) =>
  new Writer().byte(message.userauthRequest).string(user).string('ssh-connection').string(method)

function signedRequest(sessionId: Buffer, pair = clientKey): Buffer {
  const asked = request('berth', 'publickey')
    .boolean(true)
    .string('ssh-ed25519')
    .string(pair.publicBlob)
    .done()
  const told = new Writer().string(sessionId).raw(asked).done()
  const signature = new Writer()
    .string('ssh-ed25519')
    .string(sign(null, told, pair.privateKey))
    .done()
  return new Writer().raw(asked).string(signature).done()
}

describe('who asks to be let in', () => {
  const sessionId = Buffer.alloc(32, 7)
  const asked = () => {
    const authentication = new Authentication(entrance, sessionId)
    expect(authentication.take(serviceRequest).kind).toBe('more')
    return authentication
  }

  it('is let in with the one key, and its signature of this session', () => {
    expect(asked().take(signedRequest(sessionId)).kind).toBe('in')
    expect(asked().take(signedRequest(Buffer.alloc(32, 8))).kind).toBe('more')
    expect(asked().take(signedRequest(sessionId, newKeyPair())).kind).toBe('more')
  })

  it('is told that a key would do, without being let in', () => {
    const question = request('berth', 'publickey').boolean(false).string('ssh-ed25519')
    const verdict = asked().take(question.string(clientKey.publicBlob).done())
    expect(verdict).toMatchObject({ kind: 'more' })
    expect(verdict.kind === 'more' && verdict.send[0]?.[0]).toBe(message.userauthPublicKeyOk)
  })

  it('has six attempts', () => {
    const authentication = asked()
    const kinds = Array.from(
      { length: 6 },
      () => authentication.take(request('berth', 'password').done()).kind,
    )
    expect(kinds).toEqual(['more', 'more', 'more', 'more', 'more', 'out'])
  })

  it('must not say anything else', () => {
    const fresh = new Authentication(entrance, sessionId)
    expect(() => fresh.take(signedRequest(sessionId))).toThrow(SshProtocolError)
    for (const type of [
      message.serviceRequest,
      message.globalRequest,
      message.channelOpen,
      message.userauthSuccess,
      200,
    ])
      expect(() => asked().take(Buffer.from([type, 0, 0, 0, 0]))).toThrow(SshProtocolError)
    const other = new Writer().byte(message.userauthRequest).string('berth').string('other').string('none')
    expect(() => asked().take(other.done())).toThrow(SshProtocolError)
  })

  it('is never let in with anything that was changed', () => {
    const good = signedRequest(sessionId)
    const next = numbers(1)
    for (let round = 0; round < 3_000; round++) {
      const bad = Buffer.from(good)
      const at = Math.floor(next() * bad.length)
      bad[at] = (bad[at] as number) ^ (1 + Math.floor(next() * 255))
      const cut = next() < 0.3 ? bad.subarray(0, Math.floor(next() * bad.length)) : bad
      try {
        expect(asked().take(cut).kind).not.toBe('in')
      } catch (error) {
        expect(error).toBeInstanceOf(SshProtocolError)
      }
    }
  })
})

describe('a server of SSH', () => {
  it('lets a client in, and hands over what it says then', async () => {
    const opened = openServer()
    const client = await openClient(opened).ready
    client.send(serviceRequest)
    client.send(signedRequest(client.sessionId))
    client.send(Buffer.from([message.globalRequest, 1]))
    await expect.poll(() => opened.seen).toMatchObject({ isIn: true, messages: 1 })
    // Of the transport's own it takes what it must, and a late request to be let in says nothing.
    client.send(signedRequest(client.sessionId))
    client.send(Buffer.from([message.ignore, 0, 0, 0, 0]))
    client.send(Buffer.from([message.globalRequest, 2]))
    await expect.poll(() => opened.seen.messages).toBe(2)
  })

  it('ends with a client that speaks before it is known, and says why', async () => {
    const opened = openServer()
    const client = openClient(opened)
    ;(await client.ready).send(Buffer.from([message.channelOpen, 0, 0, 0, 0]))
    expect((await client.ended).message).toContain('somebody who is not known yet')
    await opened.over
    expect(opened.seen).toMatchObject({ isIn: false, messages: 0 })
  })

  it('ends with a client that takes too long', async () => {
    const opened = openServer({ ...systemClock, sleep: () => Promise.resolve() })
    const client = openClient(opened)
    expect((await client.ended).message).toMatch(/too long to log in|has ended/)
    await opened.over
  })

  it.each([
    ['ignore', message.ignore],
    ['debug', message.debug],
    ['ext-info', message.extInfo],
    ['service request', message.serviceRequest],
    ['channel data', message.channelData],
    ['new keys', message.newKeys],
  ])('takes nothing out of turn before there are keys: %s', async (_, type) => {
    const opened = openServer()
    const packet = new PacketWriter().packet([Buffer.from([type, 0, 0, 0, 0])])
    opened.output.write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), ...packet]))
    await opened.over
    expect(opened.seen.reason).toBeInstanceOf(SshProtocolError)
  })

  it.each([
    ['another program', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a line before the version', Buffer.from('hello\r\nSSH-2.0-x\r\n')],
    ['an old version', Buffer.from('SSH-1.5-x\r\n')],
    ['a version without end', Buffer.alloc(300, 65)],
    ['a packet that is too long', Buffer.from('SSH-2.0-x\r\n\x00\x01\x00\x00\x04', 'latin1')],
    ['a packet that is too short', Buffer.from('SSH-2.0-x\r\n\x00\x00\x00\x00\x04', 'latin1')],
  ])('ends with %s', async (_, bytes) => {
    const opened = openServer()
    opened.output.write(bytes)
    await opened.over
    expect(opened.seen.reason).toBeInstanceOf(SshProtocolError)
  })

  it('takes only what it knows in an exchange of keys, and a wrong guess for one', () => {
    const versions = { client: 'SSH-2.0-x', server: 'SSH-2.0-y' }
    const init = (lists: readonly string[][], isGuessed = false) => {
      const writer = new Writer().byte(message.kexInit).raw(Buffer.alloc(16))
      for (const list of lists) writer.names(list)
      return writer.boolean(isGuessed).uint32(0).done()
    }
    const [kex, key, cipher, none] = ['curve25519-sha256', 'ssh-ed25519', 'aes128-gcm@openssh.com', 'none']
    const good = [[kex], [key], [cipher], [cipher], ['mac'], ['mac'], [none], [none], [], []]
    const exchange = () => new ServerKeyExchange(versions, hostKey)
    exchange().accept(init(good))
    for (const at of [0, 1, 2, 3, 6, 7]) {
      const bad = good.map((list, index) => (index === at ? ['other'] : list))
      expect(() => exchange().accept(init(bad))).toThrow(SshProtocolError)
    }
    const twice = exchange()
    twice.accept(init(good))
    expect(() => twice.accept(init(good))).toThrow(SshProtocolError)
    const guessing = exchange()
    guessing.accept(init([['other', kex], ...good.slice(1)], true))
    const half = (bytes: Buffer) => new Writer().byte(message.kexEcdhInit).string(bytes).done()
    expect(guessing.finish(half(Buffer.alloc(9)), undefined)).toBeUndefined()
    // Points that would give a secret that everybody knows (RFC 7748, section 6.1), and no points.
    for (const bytes of [
      Buffer.alloc(32),
      Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]),
      Buffer.alloc(31),
    ])
      expect(() => guessing.finish(half(bytes), undefined)).toThrow(SshProtocolError)
    expect(() => exchange().finish(half(Buffer.alloc(32, 9)), undefined)).toThrow(SshProtocolError)
  })

  it('comes to an end with any bytes, and lets nobody in', async () => {
    const next = numbers(2)
    const good = await validBeginning()
    for (let round = 0; round < 400; round++) {
      const opened = openServer()
      const bytes = Buffer.from(good)
      const changes = 1 + Math.floor(next() * 4)
      for (let change = 0; change < changes; change++)
        bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256)
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(next() * 200)
        opened.output.write(bytes.subarray(at, at + size))
        at += size
      }
      opened.output.end()
      await opened.over
      expect(opened.seen).toMatchObject({ isIn: false, messages: 0 })
    }
  })
})

/** What a client of our own says first, to its half of the exchange of keys. */
async function validBeginning(): Promise<Buffer> {
  const opened = openServer()
  const said: Buffer[] = []
  opened.output.on('data', (chunk: Buffer) => said.push(chunk))
  await openClient(opened).ready
  opened.server.close(disconnect.byApplication, 'enough')
  const bytes = Buffer.concat(said)
  const types: number[] = []
  const reader = new PacketReader(
    () => undefined,
    (payload) => {
      types.push(new Reader(payload).byte())
    },
  )
  try {
    reader.push(bytes)
  } catch {
    // From the new keys on it is ciphered.
  }
  expect(types.slice(0, 3)).toEqual([message.kexInit, message.kexEcdhInit, message.newKeys])
  return bytes
}
