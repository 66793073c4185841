import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../../platform/clock'

/** What tests of the transport share. */

interface Sleeper {
  readonly at: number
  wake(): void
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now = 1_000_000
  #sleepers: Sleeper[] = []

  now(): number {
    return this.#now
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal?.reason)
      }
      const wake = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const sleeper = { at: this.#now + milliseconds, wake }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Goes on second by second, with time for what wakes and for what it sends over loopback. */
  async advance(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0; left -= 1000) {
      this.#now += Math.min(left, 1000)
      const due = this.#sleepers.filter(({ at }) => at <= this.#now)
      this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#now)
      for (const { wake } of due) wake()
      for (let turn = 0; turn < 20; turn++) await nextTurn()
    }
  }

  /** As after a sleep of the machine: nothing runs in between. */
  jump(milliseconds: number): void {
    this.#now += milliseconds
  }
}

export interface Listening {
  readonly port: number
  close(): Promise<void>
}

/** Listens on a free port of 127.0.0.1; closing ends the connections as well. */
export async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Both ends of a TCP connection over loopback. */
export async function socketPair(): Promise<{ near: Socket; far: Socket; close(): Promise<void> }> {
  const server = createServer()
  const listening = await listen(server)
  const accepted = once(server, 'connection')
  const near = connect(listening.port, '127.0.0.1')
  near.on('error', () => undefined)
  const [far] = (await accepted) as [Socket]
  return { near, far, close: listening.close }
}

/** Resolves when it holds; the test's own limit ends it otherwise. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Resolves when a value has stopped changing for a while, with that value. */
export async function settled(value: () => number): Promise<number> {
  for (let last = value(), same = 0; ; ) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    const now = value()
    same = now === last ? same + 1 : 0
    last = now
    if (same === 20) return now
  }
}
