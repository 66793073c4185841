import { randomBytes } from 'node:crypto'
import { once, setMaxListeners } from 'node:events'
import { existsSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import type { ApiClient } from '../../main/engine/drivers/kubernetes/api'
import { type ExecDependencies, startExec } from '../../main/engine/drivers/kubernetes/streams/exec'
import { createDialer, type Dialer } from '../../main/engine/drivers/kubernetes/streams/port-forward'
import { ProtocolMemory } from '../../main/engine/drivers/kubernetes/streams/protocols'
import { createDialer as createRelayDialer } from '../../main/engine/drivers/shared/dial'
import { dialSuite } from '../../main/engine/drivers/shared/dial/dial.suite'
import type { Exec } from '../../main/engine/drivers/shared/dial/methods'
import { systemClock } from '../../main/engine/platform/clock'
import { silentLogger } from '../../main/engine/platform/logger'
import { CuttingProxy } from '../harness/cutting-proxy'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { serversProgram } from '../harness/python'
import { clientOf, startPod, without } from './pods'

const never = new AbortController().signal
setMaxListeners(0, never)
const ports = {
  echo: 7001,
  discard: 7002,
  source: 7003,
  reset: 7004,
  afterEnd: 7005,
  speakFirst: 7006,
  resetInBody: 7007,
  record: 7008,
  farewell: 7009,
  cut: 7010,
  refusal: 7011,
  version6: existsSync('/proc/net/if_inet6') ? 7012 : 0,
  closed: 7999,
} as const

let cluster: TestCluster
let namespace: TestNamespace
let client: ApiClient
let pod: string

const startServers = async (name?: string) => {
  const started = await startPod(
    cluster,
    namespace.name,
    { image: TEST_IMAGES.debian, command: ['python3', '-c', serversProgram] },
    name,
  )
  for (let waited = 0; waited < 1200; waited++) {
    const said = await cluster.kubectl('-n', namespace.name, 'logs', started).catch(() => '')
    if (said.includes('listening')) return started
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the servers do not listen')
}

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  client = clientOf(namespace)
  pod = await startServers()
})

afterAll(async () => {
  await client?.dispose()
  await namespace?.dispose()
})

/** As the driver makes one, for pods of this test's own; to ports some ways are `blocked`, to commands none. */
function makeDialer(api: ApiClient, blocked: readonly (keyof ApiClient)[] = []): Dialer {
  const dependencies: ExecDependencies = {
    client: api,
    logger: silentLogger,
    protocols: new ProtocolMemory(),
    ending: new Set(),
  }
  const exec: Exec = (name, options, signal) => startExec(dependencies, name, 'main', options, signal)
  const relays = createRelayDialer({ exec, logger: silentLogger, imageIdOf: async () => TEST_IMAGES.debian })
  const dialer = createDialer({
    client: without(api, ...blocked),
    logger: silentLogger,
    clock: systemClock,
    protocols: new ProtocolMemory(),
    exec: (name, command, signal) => exec(name, { command }, signal),
    otherWay: (name, port, signal) => relays.dial(name, port, signal),
  })
  return {
    dial: dialer.dial,
    forget: dialer.forget,
    dispose: () => {
      dialer.dispose()
      relays.dispose()
    },
  }
}

async function echoes(socket: Duplex, size: number): Promise<boolean> {
  const data = randomBytes(size)
  const reply: Buffer[] = []
  let length = 0
  const received = new Promise<void>((resolve, reject) => {
    socket.on('data', (piece: Buffer) => {
      reply.push(piece)
      length += piece.length
      if (length >= size) resolve()
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
  socket.write(data)
  await received
  return Buffer.concat(reply).equals(data)
}

const failure = (error: unknown) => (error instanceof ProblemError ? error.problem.code : String(error))

/** Resolves when a connection is over, whatever the reason. */
const closed = (socket: Duplex) => new Promise<void>((resolve) => socket.once('close', resolve))

const isCurrent = process.env.BERTH_TEST_KUBERNETES === 'current'

describe.each([
  // Servers since 1.31.
  ...(isCurrent ? ([{ name: 'SPDY in a websocket', blocked: ['websocket', 'spdy'] }] as const) : []),
  { name: 'SPDY', blocked: ['websocket', 'spdyOverWebSocket'] },
  { name: 'websockets', blocked: ['spdy', 'spdyOverWebSocket'] },
] as const)('dial over $name', ({ blocked }) => {
  let dialer: Dialer

  beforeAll(() => {
    dialer = makeDialer(client, blocked)
  })
  afterAll(() => dialer.dispose())

  dialSuite(() => ({
    dial: (port, signal = never) => dialer.dial(pod, port, signal),
    ports,
    // socat, by which the oldest servers' nodes connect, gives an answer to an end half a second, and makes an end of
    // a reset.
    halfClose: false,
    resets: false,
    refusals: false,
  }))

  it('reaches a server that speaks first, and says what it is told after that', async () => {
    const fresh = makeDialer(client, blocked)
    const socket = await fresh.dial(pod, ports.speakFirst, never)
    const [greeting] = (await once(socket, 'data')) as [Buffer]
    expect(greeting.toString()).toBe('220 ready\r\n')
    socket.write('hello')
    expect(await text(socket)).toBe('you said hello')
    fresh.dispose()
  })

  it('opens 300 connections at once, each with its own bytes', async () => {
    const right = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const socket = await dialer.dial(pod, ports.echo, never)
        const same = await echoes(socket, 20_000)
        socket.destroy()
        return same
      }),
    )
    expect(right).toEqual(right.map(() => true))
  })

  it('is open before anything was said, where both sides wait', async () => {
    const fresh = makeDialer(client, blocked)
    const socket = await fresh.dial(pod, ports.discard, never)
    expect(socket.readableLength).toBe(0)
    fresh.dispose()
  })

  it('passes on all that was sent before an end', async () => {
    const sent = randomBytes(5 * 1024 * 1024)
    const socket = await dialer.dial(pod, ports.record, never)
    socket.resume()
    socket.end(sent)
    for (;;) {
      const seen = await cluster
        .kubectl('-n', namespace.name, 'exec', pod, '--', 'cat', '/tmp/received')
        .catch(() => '')
      if (seen === String(sent.length)) break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await cluster.kubectl('-n', namespace.name, 'exec', pod, '--', 'rm', '/tmp/received')
  })

  it('refuses 50 at once, none of them opened before', async () => {
    const codes = await Promise.all(
      Array.from({ length: 50 }, (_, number) =>
        dialer.dial(pod, 9_000 + number, never).then(() => 'open', failure),
      ),
    )
    expect(codes).toEqual(codes.map(() => 'port-refused'))
  })

  it('keeps a reset in mid-body, and a connection given up, to themselves', async () => {
    const others = await Promise.all(Array.from({ length: 20 }, () => dialer.dial(pod, ports.echo, never)))
    const broken = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        const socket = await dialer.dial(pod, ports.resetInBody, never)
        socket.write('x')
        if (number % 2 === 0) {
          await once(socket, 'data')
          socket.destroy()
          return 'given up'
        }
        await once(socket, 'data')
        socket.write('x')
        return buffer(socket).then(() => 'end', failure)
      }),
    )
    for (const code of broken) expect(['given up', 'end', 'connection-lost']).toContain(code)
    const right = await Promise.all(others.map((socket) => echoes(socket, 200_000)))
    expect(right).toEqual(right.map(() => true))
    for (const socket of others) socket.destroy()
  })

  it('does not hold others up by bulk that nobody reads, in either direction', async () => {
    const stalled = await Promise.all([
      dialer.dial(pod, ports.source, never),
      dialer.dial(pod, ports.discard, never),
    ])
    await once(stalled[0], 'readable')
    stalled[1].write(Buffer.alloc(32 * 1024 * 1024))
    await new Promise((resolve) => setTimeout(resolve, 500))
    for (let count = 0; count < 10; count++) {
      const socket = await dialer.dial(pod, ports.echo, never)
      expect(await echoes(socket, 100_000)).toBe(true)
      socket.destroy()
    }
    for (const socket of stalled) socket.destroy()
  })

  it('ends its connections with a reason when the link is cut, and makes new ones', async () => {
    const proxy = await CuttingProxy.start(new URL(client.identity.endpoint))
    const api = clientOf(namespace, proxy.url)
    const own = makeDialer(api, blocked)
    try {
      const sockets = await Promise.all(Array.from({ length: 5 }, () => own.dial(pod, ports.echo, never)))
      for (const socket of sockets) expect(await echoes(socket, 100)).toBe(true)
      const ends = sockets.map((socket) => closed(socket).then(() => failure(socket.errored)))
      proxy.cut()
      expect(await Promise.all(ends)).toEqual(sockets.map(() => 'connection-lost'))
      const again = await own.dial(pod, ports.echo, never)
      expect(await echoes(again, 100)).toBe(true)
    } finally {
      own.dispose()
      await api.dispose()
      await proxy.dispose()
    }
  })

  it('follows a pod that is replaced under its name', async () => {
    const name = await startServers('replaced')
    const before = await dialer.dial(name, ports.echo, never)
    expect(await echoes(before, 100)).toBe(true)
    const ended = Promise.race([once(before, 'end'), closed(before)])
    before.resume()
    await cluster.kubectl('-n', namespace.name, 'delete', 'pod', name, '--force', '--grace-period=0')
    await ended
    await expect(dialer.dial(name, ports.echo, never)).rejects.toBeInstanceOf(Error)
    await startServers(name)
    const after = await dialer.dial(name, ports.echo, never)
    expect(await echoes(after, 100)).toBe(true)
    after.destroy()
    await cluster.kubectl('-n', namespace.name, 'delete', 'pod', name, '--force', '--grace-period=0')
  })

  it('ends all when it is disposed of', async () => {
    const own = makeDialer(client, blocked)
    const socket = await own.dial(pod, ports.echo, never)
    const ended = closed(socket)
    own.dispose()
    await ended
    await expect(own.dial(pod, ports.echo, never)).rejects.toMatchObject({
      problem: { code: 'connection-lost' },
    })
  })
})
