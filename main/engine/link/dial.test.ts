import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ProblemError, problem } from '#contract'
import type { DialOptions, Driver } from '../drivers/driver'
import { systemClock } from '../platform/clock'
import { silentLogger } from '../platform/logger'
import type { AgentKeeper } from './agent/keeper'
import { isPossible, openKeeper } from './agent/local-agent.suite'
import { LinkDialer } from './dial'

const never = new AbortController().signal
const LIMIT = { interval: 20 }
const BULK = 6 * 1024 * 1024
const MANY = Number.POSITIVE_INFINITY

let server: net.Server
let port: number
let keeper: ReturnType<typeof openKeeper>
let ended: AbortController

beforeEach(async () => {
  // Sends as many bytes as it is asked for, or a reset.
  server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (data) => {
      if (data.toString() === 'reset') socket.resetAndDestroy()
      else socket.end(Buffer.alloc(Number(data.toString())))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  keeper = openKeeper()
  ended = new AbortController()
})
afterEach(async () => {
  ended.abort()
  await keeper.dispose()
  server.close()
})

/** A dialer over the agent and a driver that counts what it is asked for. */
function openDialer({ costly, hasWay = true }: { costly: number; hasWay?: boolean }) {
  const asked = { driver: 0 }
  const driver = {
    costlyDials: () => costly,
    dial: async (_id: string, to: number): Promise<Duplex> => {
      asked.driver += 1
      if (!hasWay)
        throw problem({ code: 'dial-unsupported', title: 'No way', cause: 'None.', remedy: 'None.' })
      const socket = net.connect({ host: '127.0.0.1', port: to, allowHalfOpen: true })
      await once(socket, 'connect')
      return socket
    },
  } as unknown as Driver
  const dialer = new LinkDialer({
    agent: keeper.keeper,
    driver: () => driver,
    incarnation: () => '1',
    clock: systemClock,
    logger: silentLogger,
    ended: ended.signal,
  })
  /** Whether it went over the agent. */
  const fetch = async (bytes: number): Promise<boolean> => {
    const before = asked.driver
    const stream = await dialer.dial(port, never)
    stream.end(String(bytes))
    let size = 0
    for await (const chunk of stream) size += chunk.length
    expect(size).toBe(bytes)
    return asked.driver === before
  }
  return { asked, dialer, fetch }
}

describe.skipIf(!isPossible)('connections to ports, where the driver takes its time over each', () => {
  it('go over the agent as soon as there is a connection for them, and over the driver until then', async () => {
    const { fetch } = openDialer({ costly: MANY })
    expect(await fetch(10)).toBe(false)
    await keeper.connected()
    await expect.poll(() => fetch(10), LIMIT).toBe(true)
  })

  it('go over the driver in a crowd, where the driver is sooner with that', async () => {
    const { asked, fetch } = openDialer({ costly: 8 })
    await keeper.connected()
    await expect.poll(() => fetch(10), LIMIT).toBe(true)
    const before = asked.driver
    await Promise.all(Array.from({ length: 50 }, () => fetch(1000)))
    expect(asked.driver - before).toBe(42)
    await expect.poll(() => fetch(10), LIMIT).toBe(true)
  })

  it('go over the driver where they turned out to carry bulk', async () => {
    const { fetch } = openDialer({ costly: MANY })
    await keeper.connected()
    await expect.poll(() => fetch(10), LIMIT).toBe(true)
    expect(await fetch(BULK)).toBe(true)
    expect(await fetch(BULK)).toBe(false)
    expect(await fetch(10)).toBe(false)
  })

  it('go over the driver where those over the driver carried bulk', async () => {
    const { fetch } = openDialer({ costly: MANY })
    expect(await fetch(BULK)).toBe(false)
    await keeper.connected()
    // The connection for ports is there long before the last of these.
    for (let at = 0; at < 20; at++) {
      expect(await fetch(10)).toBe(false)
      await systemClock.sleep(50)
    }
  })

  it('are refused where nothing listens, and say when they were reset', async () => {
    const { asked, dialer, fetch } = openDialer({ costly: MANY })
    await keeper.connected()
    await expect.poll(() => fetch(10), LIMIT).toBe(true)
    const before = asked.driver
    const refused = await dialer.dial(1, never).catch(({ problem }: ProblemError) => problem.code)
    expect(refused).toBe('port-refused')
    const stream = await dialer.dial(port, never)
    const failed = once(stream, 'error')
    stream.resume().write('reset')
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
    expect(asked.driver).toBe(before)
  })

  it('go on over the driver when the way to the agent is gone, and over the agent when it is back', async () => {
    const { fetch } = openDialer({ costly: MANY })
    await keeper.connected()
    await expect.poll(() => fetch(10), LIMIT).toBe(true)
    keeper.local.cut()
    // What was under way then is lost.
    await expect.poll(() => fetch(10).catch(() => 'lost'), LIMIT).toBe(false)
    await expect.poll(() => fetch(10), LIMIT).toBe(true)
  })
})

describe.skipIf(!isPossible)('connections to ports, where the driver is quick', () => {
  it('go over the driver', async () => {
    const { fetch } = openDialer({ costly: 0 })
    await keeper.connected()
    expect(await fetch(10)).toBe(false)
  })

  it('are asked of the driver again where the agent took its time to say where its relay is', async () => {
    let answer: () => void = () => undefined
    const connection = {
      request: () =>
        new Promise((_resolve, reject) => {
          answer = () => reject(new Error('it has none'))
        }),
      open: async () => ({ stderr: { resume: () => undefined } }),
    }
    let asked = 0
    const driver = {
      dial: async (_id: string, _port: number, _signal: AbortSignal, { relay }: DialOptions) => {
        asked += 1
        await relay?.()
        throw problem({ code: 'dial-unsupported', title: 'No way', cause: 'None.', remedy: 'None.' })
      },
    } as unknown as Driver
    const dialer = new LinkDialer({
      agent: { connection, workspaceId: 'one' } as unknown as AgentKeeper,
      driver: () => driver,
      incarnation: () => '1',
      clock: systemClock,
      logger: silentLogger,
      ended: ended.signal,
    })
    await dialer.dial(port, never)
    answer()
    await dialer.dial(port, never)
    await dialer.dial(port, never)
    expect(asked).toBe(2)
  })

  it('go over the agent where the driver has no way in', async () => {
    const { asked, fetch } = openDialer({ costly: 0, hasWay: false })
    await keeper.connected()
    await fetch(10)
    await fetch(10)
    expect(asked.driver).toBe(1)
  })
})
