import { once } from 'node:events'
import { type Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { ProblemError, problem } from '#contract'
import { dialerOf, listening, node, type Pair } from './fake-node'

const never = new AbortController().signal

/** A node that takes connections, and a relay beside it that tells how often it was asked. */
function both(isReady: () => boolean, relay: () => Promise<Duplex>, byDocker = true) {
  const pairs: Pair[] = []
  const relayed: number[] = []
  const at = node(
    listening((pair) => {
      pairs.push(pair)
      pair.data.push('node')
    }),
  )
  const dialer = dialerOf(at, {
    byDocker: () => byDocker,
    otherWayIsReady: isReady,
    otherWay: async (_pod, port) => {
      relayed.push(port)
      return relay()
    },
  })
  return { dialer, pairs, relayed, sessions: at.sessions }
}
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
const fail = (code: 'port-refused' | 'connection-lost') =>
  problem({ code, title: 'it does not work', cause: 'this is a test', remedy: 'none' })

describe('dial in a crowd', () => {
  it('leaves the node the first connections, and takes the relay for those that come to them', async () => {
    let open: Duplex[] = []
    const { dialer, pairs, relayed } = both(
      () => true,
      async () => new PassThrough(),
    )
    for (let count = 0; count < 12; count++) open.push(await dialer.dial('pod', 7001, never))
    expect(relayed.length).toBe(4)
    await until(() => pairs.length === 8)
    const closed = open.map((socket) => once(socket, 'close'))
    for (const socket of open) socket.destroy()
    await Promise.all(closed)
    open = [await dialer.dial('pod', 7001, never)]
    expect(relayed.length).toBe(4)
  })

  it('leaves a node without Docker as many as it has sessions for', async () => {
    const { dialer, relayed } = both(
      () => true,
      async () => new PassThrough(),
      false,
    )
    for (let count = 0; count < 34; count++) await dialer.dial('pod', 7001, never)
    expect(relayed.length).toBe(2)
  })

  it('stays with the node while no relay is ready, and where one is lost', async () => {
    let ready = false
    const { dialer, pairs, relayed } = both(
      () => ready,
      async () => {
        throw fail('connection-lost')
      },
    )
    for (let count = 0; count < 10; count++) await dialer.dial('pod', 7001, never)
    expect(relayed).toEqual([])
    ready = true
    await dialer.dial('pod', 7001, never)
    expect(relayed).toEqual([7001])
    await until(() => pairs.length === 11)
  })

  it('takes the relay’s word on a port on which nothing listens', async () => {
    const { dialer } = both(
      () => true,
      async () => {
        throw fail('port-refused')
      },
    )
    for (let count = 0; count < 8; count++) await dialer.dial('pod', 7001, never)
    const error = await dialer.dial('pod', 7001, never).catch((thrown: unknown) => thrown)
    expect(error instanceof ProblemError && error.problem.code).toBe('port-refused')
  })
})

describe('a pod that is gone', () => {
  it('has its sessions end with their connections, and new connections get new ones', async () => {
    const { dialer, pairs, sessions } = both(
      () => false,
      async () => new PassThrough(),
    )
    const before = await dialer.dial('pod', 7001, never)
    const first = sessions[0]
    dialer.forget('pod')
    await dialer.dial('pod', 7001, never)
    await until(() => pairs.length === 2)
    const opened = sessions.length
    expect(opened).toBeGreaterThan(1)
    // What still comes over the old one is read to its end.
    pairs[0]?.error.push(null)
    pairs[0]?.data.push(null)
    expect(await text(before)).toBe('node')
    before.end()
    await first?.ended
    dialer.dispose()
  })
})
