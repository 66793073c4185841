import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectInside } from './socket-inside'

// This process is its own container here: its root is this machine's.
describe.skipIf(process.platform !== 'linux')('a socket in a container (Linux only)', () => {
  let folder: string
  let server: Server
  let path: string
  const signal = new AbortController().signal
  const inside = (where: string, pid = process.pid) => connectInside([1, process.pid], pid, where, signal)

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'berth-inside-')))
    mkdirSync(join(folder, 'real'))
    path = join(folder, 'real', 'one.sock')
    server = createServer((socket) => socket.end('here')).listen(path)
    await once(server, 'listening')
    symlinkSync(join(folder, 'real'), join(folder, 'link'))
    symlinkSync(path, join(folder, 'real', 'linked.sock'))
    writeFileSync(join(folder, 'file'), '')
  })
  afterAll(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is connected to by way of a process of it, and leaves no descriptor', async () => {
    const before = readdirSync('/proc/self/fd').length
    const socket = await inside(path)
    const [said] = (await once(socket, 'data')) as [Buffer]
    expect(said.toString()).toBe('here')
    if (!socket.closed) await once(socket, 'close')
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before)
  })

  it('is not looked for behind symbolic links, nor where a path does not plainly lead', async () => {
    await expect(inside(join(folder, 'link', 'one.sock'))).rejects.toThrow()
    await expect(inside(join(folder, 'real', 'linked.sock'))).rejects.toThrow('not a socket')
    await expect(inside(`${folder}/link/../real/one.sock`)).rejects.toThrow('not a plain path')
    await expect(inside('one.sock')).rejects.toThrow('not a plain path')
    await expect(inside(join(folder, 'file'))).rejects.toThrow('not a socket')
    await expect(inside(join(folder, 'none'))).rejects.toThrow('ENOENT')
  })

  it('is not that of a process that the container does not have', async () => {
    await expect(inside(path, 4_194_303)).rejects.toThrow('not one of this machine')
  })
})
