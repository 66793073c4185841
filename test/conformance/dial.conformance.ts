import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import type { Driver, ExecProcess } from '../../main/engine/drivers/driver'
import { serversProgram } from '../harness/python'
import { type DriverHarness, makeWorkspace, never, Recorder, run, sh, untilSo } from './harness'

const ports = {
  echo: 7001,
  afterEnd: 7005,
  speakFirst: 7006,
  resetInBody: 7007,
  record: 7008,
  version6: 7012,
  exchange: 7013,
} as const
const GIGABYTE = 1_000_000_000

/** What a TCP connection into a workspace must be like, whatever carries it. */
export function dialConformance(harness: DriverHarness): void {
  describe('dial', () => {
    let driver: Driver
    let id: string
    let servers: ExecProcess

    beforeAll(async () => {
      driver = harness.open()
      id = (await makeWorkspace(driver, harness.images.full)).id
      servers = await driver.exec(id, { command: ['python3', '-u', '-c', serversProgram] }, never)
      const complaint = servers.stderr ? text(servers.stderr) : Promise.resolve('')
      await Promise.race([
        once(servers.stdout, 'data'),
        servers.exit.then(async () => {
          throw new Error(`the servers do not run: ${await complaint}`)
        }),
      ])
    })
    afterAll(async () => {
      servers?.destroy()
      await driver.remove(id, new Recorder(), never)
      await driver.dispose()
      expect(await harness.leftovers(id)).toEqual([])
    })

    it('carries a gigabyte both ways at once, exactly', { timeout: 600_000 }, async () => {
      const socket = await driver.dial(id, ports.exchange, never)
      const size = Buffer.alloc(8)
      size.writeBigUInt64BE(BigInt(GIGABYTE))
      socket.write(size)
      const sent = createHash('sha256')
      const sending = (async () => {
        const noise = randomBytes(1024 * 1024)
        for (let left = GIGABYTE, count = 0; left > 0; count++) {
          const block = Buffer.from(noise.subarray(0, Math.min(left, noise.length)))
          block.writeUInt32LE(count, 0)
          sent.update(block)
          left -= block.length
          if (!socket.write(block)) await once(socket, 'drain')
        }
      })()
      const taken = createHash('sha256')
      let left = GIGABYTE
      let digests = ''
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        const own = chunk.subarray(0, left)
        left -= own.length
        taken.update(own)
        digests += chunk.subarray(own.length).toString()
        if (digests.length === 128) break
      }
      await sending
      expect(digests).toBe(sent.digest('hex') + taken.digest('hex'))
      socket.destroy()
    })

    it('has 300 connections open at a time, each with its own bytes', { timeout: 600_000 }, async () => {
      const sockets = await Promise.all(Array.from({ length: 300 }, () => driver.dial(id, ports.echo, never)))
      const right = await Promise.all(sockets.map((socket) => echoes(socket, 20_000)))
      expect(right).toEqual(right.map(() => true))
      // Each is still there while the others are.
      const again = await Promise.all(sockets.map((socket) => echoes(socket, 1_000)))
      expect(again).toEqual(again.map(() => true))
      for (const socket of sockets) socket.destroy()
    })

    it('takes the end of one direction as that', async () => {
      const question = randomBytes(5 * 1024 * 1024)
      if (harness.halfClose) {
        const socket = await driver.dial(id, ports.afterEnd, never)
        socket.end(question)
        const answer = createHash('sha256')
        for await (const chunk of socket) answer.update(chunk as Buffer)
        expect(answer.digest('hex')).toBe(
          createHash('sha256').update('answer to ').update(question).digest('hex'),
        )
      }
      // Whatever becomes of the answer, the question gets there.
      const socket = await driver.dial(id, ports.record, never)
      socket.resume()
      socket.end(question)
      await untilSo(async () => {
        const { stdout } = await run(driver, id, sh('cat /tmp/received'))
        return stdout === String(question.length)
      })
    })

    it('brings what a server says first, and what it says then', async () => {
      const socket = await driver.dial(id, ports.speakFirst, never)
      const [greeting] = (await once(socket, 'data')) as [Buffer]
      expect(greeting.toString()).toBe('220 ready\r\n')
      socket.write('hello')
      expect(await text(socket)).toBe('you said hello')
    })

    it('keeps a reset in mid-body, and a connection given up, to themselves', async () => {
      const others = await Promise.all(Array.from({ length: 20 }, () => driver.dial(id, ports.echo, never)))
      const broken = await Promise.all(
        Array.from({ length: 20 }, async (_, number) => {
          const socket = await driver.dial(id, ports.resetInBody, never)
          socket.on('error', () => undefined)
          const closed = new Promise<void>((resolve) => socket.once('close', resolve))
          socket.write('x')
          await once(socket, 'data')
          if (number % 2 === 0) socket.destroy()
          else {
            socket.resume()
            socket.end('x')
          }
          await closed
          return true
        }),
      )
      expect(broken).toHaveLength(20)
      const right = await Promise.all(others.map((socket) => echoes(socket, 200_000)))
      expect(right).toEqual(right.map(() => true))
      for (const socket of others) socket.destroy()
    })

    it('reaches what listens on 127.0.0.1, and what listens on [::1] alone', async () => {
      const four = await driver.dial(id, ports.echo, never)
      expect(await echoes(four, 10)).toBe(true)
      four.destroy()
      const { stdout } = await run(driver, id, sh('cat /proc/net/if_inet6'))
      if (stdout === '') return console.log('skipped: this workspace has no IPv6 loopback')
      for (let count = 0; count < 5; count++)
        expect(await text(await driver.dial(id, ports.version6, never))).toBe('six')
    })

    it('refuses 50 at once where nothing listens, and gives the others what they asked for', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, async (_, number) => {
          try {
            const socket = await driver.dial(id, number % 2 === 0 ? ports.echo : 9_000 + number, never)
            const right = await echoes(socket, 100)
            socket.destroy()
            return right
          } catch (error) {
            return error instanceof ProblemError ? error.problem.code : error
          }
        }),
      )
      expect(outcomes).toEqual(outcomes.map((_, number) => (number % 2 === 0 ? true : 'port-refused')))
    })

    it('is refused once a server has gone, and reached when it is back', async () => {
      const start = async () => {
        const server = await driver.exec(
          id,
          { command: ['python3', '-u', '-m', 'http.server', '--bind', '127.0.0.1', '8777'] },
          never,
        )
        server.stderr?.resume()
        await once(server.stdout, 'data')
        return server
      }
      for (let round = 0; round < 3; round++) {
        const server = await start()
        const socket = await driver.dial(id, 8777, never)
        socket.end('GET / HTTP/1.0\r\n\r\n')
        socket.destroy()
        await server.kill('SIGKILL')
        server.stdout.resume()
        await server.exit
        await untilSo(async () =>
          driver.dial(id, 8777, never).then(
            (taken) => {
              taken.destroy()
              return false
            },
            (error: unknown) => error instanceof ProblemError && error.problem.code === 'port-refused',
          ),
        )
      }
    })
  })
}

async function echoes(socket: Duplex, size: number): Promise<boolean> {
  const data = randomBytes(size)
  const reply: Buffer[] = []
  let length = 0
  const received = new Promise<void>((resolve, reject) => {
    const onData = (piece: Buffer) => {
      reply.push(piece)
      length += piece.length
      if (length < size) return
      socket.off('data', onData)
      socket.off('error', reject)
      resolve()
    }
    socket.on('data', onData)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
  socket.write(data)
  await received
  return Buffer.concat(reply).equals(data)
}
