import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, vi } from 'vitest'
import type { Port, Workspace } from '#contract'
import { waitFor } from '../../main/engine/platform/collection'
import type { TestEngine } from './engine'

const CONNECTIONS = 10_000
const AT_ONCE = 50
/** Before the first look: what is made once, and what is kept to be used again, is there then. */
const WARMING = 1000
/**
 * Descriptors that may be there besides: of what either side does now and then anyway, such as a look at the other's
 * state. One that is lost in a thousand connections is more.
 */
const BESIDES = 5
/** How long what was let go may take to be gone, milliseconds. */
const PATIENCE = 60_000
/**
 * What memory may grow by, bytes: half a kilobyte for each connection. What keeps one of them, with its buffers, keeps
 * several; and the collectors of both sides move by a few megabytes by themselves.
 */
const MOST_GROWTH = CONNECTIONS * 512

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
setFlagsFromString('--no-expose-gc')

export interface Held {
  readonly descriptors: number
  /** Bytes. */
  readonly memory: number
}

/** Answers whoever connects, and closes. */
export const SERVER = `
import asyncio
async def answer(reader, writer):
    try:
        await reader.readuntil(b'\\r\\n\\r\\n')
        writer.write(b'HTTP/1.0 200 OK\\r\\n\\r\\nhello')
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(answer, '127.0.0.1', 8080, backlog=1024)
    await server.serve_forever()
asyncio.run(main())`

/**
 * Opens and closes connections through one forward, every tenth ended by a reset, and expects that neither this process
 * nor the agent holds more for it afterwards.
 *
 * @param agent what the workspace's agent holds now
 */
export async function manyConnections(
  { engine }: TestEngine,
  { id }: Workspace,
  agent: () => Promise<Held>,
): Promise<void> {
  const { localPort } = await engine.call('ports.forward', { workspaceId: id, port: 8080, protocol: 'tcp' })
  const isUp = (port: Port | undefined) => port?.state === 'live'
  await waitFor(engine.collections.ports, `${id}:8080`, isUp, AbortSignal.timeout(PATIENCE))
  await connect(localPort, WARMING)
  // What was let go while it warmed up is gone when nothing changes any more.
  const before = { engine: await settled(ours), agent: await settled(agent) }
  await connect(localPort, CONNECTIONS)
  for (const [who, look] of [
    ['engine', ours],
    ['agent', agent],
  ] as const)
    await vi.waitFor(
      async () => {
        const { descriptors, memory } = await look()
        expect(descriptors, `descriptors of the ${who}`).toBeLessThanOrEqual(
          before[who].descriptors + BESIDES,
        )
        expect(memory - before[who].memory, `memory of the ${who}`).toBeLessThan(MOST_GROWTH)
      },
      { timeout: PATIENCE, interval: 1000 },
    )
  await engine.call('ports.stop', { workspaceId: id, port: 8080 })
}

async function ours(): Promise<Held> {
  collect()
  return { descriptors: readdirSync('/proc/self/fd').length, memory: process.memoryUsage().heapUsed }
}

/** What is held when two looks in a row find as many descriptors. */
async function settled(look: () => Promise<Held>): Promise<Held> {
  let last = await look()
  return vi.waitFor(
    async () => {
      const now = await look()
      const isSame = now.descriptors === last.descriptors
      last = now
      expect(isSame).toBe(true)
      return now
    },
    { timeout: PATIENCE, interval: 1000 },
  )
}

async function connect(port: number, times: number): Promise<void> {
  let left = times
  const one = async () => {
    while (left > 0) {
      left -= 1
      await exchange(port, left % 10 === 0)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

/** One connection from its beginning to its end. */
async function exchange(port: number, isReset: boolean): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  socket.write('GET / HTTP/1.0\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString('latin1', 0, 5)).toBe('HTTP/')
  if (isReset) {
    socket.resetAndDestroy()
    return
  }
  const ended = once(socket, 'close')
  socket.resume()
  socket.end()
  await ended
}
