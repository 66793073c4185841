import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { silentLogger } from '../../../platform/logger'
import type { RelaySocket } from '../../driver'
import { GREETING } from './protocol'
import { SocketRelays } from './socket-relays'

let folder: string
let server: Server
let heard: string
let answer: (socket: Socket) => void
let socket: RelaySocket
let opened: number
let relays: SocketRelays

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-relays-'))
  socket = { path: join(folder, 'relay.sock'), pid: 1, key: 'k'.repeat(64), proof: 'p'.repeat(64) }
  heard = ''
  opened = 0
  answer = (peer) => peer.write(Buffer.concat([Buffer.from(socket.proof), GREETING]))
  server = createServer((peer) => {
    peer.on('error', () => undefined)
    peer.on('data', (data) => {
      heard += data
      if (heard.length >= 64) answer(peer)
    })
  }).listen(socket.path)
  await once(server, 'listening')
  relays = new SocketRelays(async (_id, { path }) => {
    opened += 1
    const stream = connect(path)
    await once(stream, 'connect')
    return stream
  }, silentLogger)
})
afterEach(() => {
  relays.dispose()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

const ask = async () => socket

it('is told the key, and taken by its proof; there is one for all', async () => {
  const [one, other] = await Promise.all([relays.of('a', ask), relays.of('a', ask)])
  expect(one).toBeDefined()
  expect(other).toBe(one)
  expect(await relays.of('a', ask)).toBe(one)
  expect(heard).toBe(socket.key)
  expect(opened).toBe(1)
})

it('is another one without the proof, and not asked again while it is the same', async () => {
  answer = (peer) => peer.write(Buffer.concat([Buffer.from('q'.repeat(64)), GREETING]))
  expect(await relays.of('a', ask)).toBeUndefined()
  expect(await relays.of('a', ask)).toBeUndefined()
  expect(opened).toBe(1)
  socket = { ...socket, key: 'l'.repeat(64) }
  answer = (peer) => peer.write(Buffer.concat([Buffer.from(socket.proof), GREETING]))
  heard = ''
  expect(await relays.of('a', ask)).toBeDefined()
})

it('is none where it ends before it has said enough', async () => {
  answer = (peer) => peer.end('short')
  expect(await relays.of('a', ask)).toBeUndefined()
})

it('is none where it says nothing for long', async () => {
  answer = () => undefined
  expect(await relays.of('a', ask)).toBeUndefined()
})

it('is none where nothing can tell of it, which is asked again', async () => {
  const asked = vi.fn(async (): Promise<RelaySocket | undefined> => undefined)
  expect(await relays.of('a', asked)).toBeUndefined()
  expect(await relays.of('a', asked)).toBeUndefined()
  expect(asked).toHaveBeenCalledTimes(2)
  expect(opened).toBe(0)
})

it('is made anew when the one that was there has ended', async () => {
  const one = await relays.of('a', ask)
  one?.destroy()
  heard = ''
  const other = await relays.of('a', ask)
  expect(other).toBeDefined()
  expect(other).not.toBe(one)
  heard = ''
  relays.forget('a')
  expect(other?.ended).toBe(true)
})
