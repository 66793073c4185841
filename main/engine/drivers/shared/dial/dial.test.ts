import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../../../platform/logger'
import { dialSuite, type SuiteContext } from './dial.suite'
import { createDialer, type Dialer } from './index'
import { createLocalExec } from './local-exec'
import { hasCode } from './relay'

const servers: net.Server[] = []
const sockets = new Set<net.Socket>()
let ports: SuiteContext['ports']

function listen(host: string, handler: (socket: net.Socket) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
      handler(socket)
    })
    servers.push(server)
    server.on('error', reject)
    server.listen(0, host, () => resolve((server.address() as net.AddressInfo).port))
  })
}

beforeAll(async () => {
  const closed = await listen('127.0.0.1', () => undefined)
  await new Promise((resolve) => servers.pop()?.close(resolve))
  const block = Buffer.alloc(256 * 1024, 'b')
  ports = {
    closed,
    echo: await listen('127.0.0.1', (socket) => socket.pipe(socket)),
    discard: await listen('127.0.0.1', (socket) => socket.pause()),
    source: await listen('127.0.0.1', (socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(block));
      }
      socket.on('drain', more)
      more()
    }),
    reset: await listen('127.0.0.1', (socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    }),
    afterEnd: await listen('127.0.0.1', (socket) => {
      let question = ''
      socket.on('data', (piece) => {
        question += piece
      })
      socket.on('end', () => socket.end(`answer to ${question}`))
    }),
    farewell: await listen('127.0.0.1', (socket) => socket.resume().end(Buffer.alloc(300_000))),
    cut: await listen('127.0.0.1', (socket) => {
      socket.once('data', () => socket.write(Buffer.alloc(1000), () => socket.resetAndDestroy()))
    }),
    refusal: await listen('127.0.0.1', (socket) => {
      socket.once('data', () => {
        socket.pause()
        // Written at once, and closed in the same turn.
        socket.write('too large')
        socket.destroy()
      })
    }),
    version6: await listen('::1', (socket) => socket.end('six')),
  }
})

afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
})

/** A PATH on which only the named programs are. */
function pathWith(programs: readonly string[]): { folder: string; missing: readonly string[] } {
  const folder = mkdtempSync(path.join(tmpdir(), 'berth-dial-'))
  const missing: string[] = []
  for (const program of programs) {
    const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim()
    if (found) symlinkSync(found, path.join(folder, program))
    else missing.push(program)
  }
  return { folder, missing }
}

const ways = [
  { name: 'node', programs: ['sh', 'node'], relay: true },
  { name: 'python3', programs: ['sh', 'python3'], relay: true },
  { name: 'perl', programs: ['sh', 'perl'], relay: true },
  { name: 'python3 without a shell', programs: ['python3'], relay: true },
  { name: 'socat', programs: ['sh', 'socat'], relay: false },
  { name: 'busybox', programs: ['sh', 'busybox'], relay: false },
  { name: 'bash', programs: ['sh', 'bash', 'cat'], relay: false },
] as const

for (const way of ways) {
  const { folder, missing } = pathWith(way.programs)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  if (missing.length > 0) {
    describe.skip(`through ${way.name} (skipped: this machine has no ${missing.join(', ')})`, () => {
      it('is tried', () => undefined)
    })
    continue
  }
  describe(`through ${way.name}`, () => {
    const environment = {
      ...process.env,
      PATH: way.name.startsWith('python3') ? `${folder}:/usr/bin:/bin` : folder,
    }
    const only = createLocalExec(environment)
    let dialer: Dialer

    beforeAll(() => {
      dialer = createDialer({
        exec: (id, options, signal) => {
          // A symbolic link to a version manager's shim needs the rest of PATH; the probe must not see it.
          if (way.name.startsWith('python3') && options.command[0] === 'sh')
            return createLocalExec({ ...environment, PATH: folder }).exec(id, options, signal)
          if (way.name === 'python3 without a shell' && options.command[0] !== 'python3')
            return createLocalExec({ ...environment, PATH: folder }).exec(id, options, signal)
          return only.exec(id, options, signal)
        },
        logger: silentLogger,
        imageIdOf: async () => 'image',
      })
    })
    afterAll(async () => {
      dialer.dispose()
      await vi.waitFor(() => expect(only.pids.size).toBe(0))
    })

    dialSuite(() => ({
      dial: (port, signal = new AbortController().signal) => dialer.dial('one', port, signal),
      ports,
      halfClose: way.name !== 'bash',
      resets: way.relay,
      refusals: way.relay && way.name !== 'node',
      ...(way.relay
        ? {
            killRelay: async () => {
              for (const pid of only.pids) process.kill(pid, 'SIGKILL')
            },
          }
        : {}),
    }))
  })
}

describe.each(['perl', 'python3', 'node'])('a relay that does not answer, through %s', (program) => {
  const { folder, missing } = pathWith(['sh', program])
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  afterEach(() => {
    vi.useRealTimers()
  })

  it.skipIf(missing.length > 0)('is asked, and given up where it says nothing to that either', async () => {
    const { exec, pids } = createLocalExec()
    const dialer = createDialer({
      exec: (id, options, signal) =>
        options.command[0] === 'sh'
          ? createLocalExec({ PATH: folder }).exec(id, options, signal)
          : exec(id, options, signal),
      logger: silentLogger,
      imageIdOf: async () => 'image',
    })
    const dial = () => dialer.dial('one', ports.echo, new AbortController().signal)
    const first = await dial()
    const [relay = 0] = pids
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    try {
      process.kill(relay, 'SIGSTOP')
      const late = dial()
      await vi.advanceTimersByTimeAsync(10_001)
      process.kill(relay, 'SIGCONT')
      const second = await late
      await vi.advanceTimersByTimeAsync(10_001)
      for (const socket of [first, second]) {
        socket.write('here')
        expect(String((await once(socket, 'data'))[0])).toBe('here')
      }

      process.kill(relay, 'SIGSTOP')
      const other = dial()
      const lost = Promise.all(
        [first, second].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
      )
      await vi.advanceTimersByTimeAsync(20_001)
      await lost
      const third = await other
      third.write('again')
      expect(String((await once(third, 'data'))[0])).toBe('again')
      vi.useRealTimers()
      // It was killed, and ends when it gets the processor.
      await vi.waitFor(() => expect(pids.has(relay)).toBe(false))
    } finally {
      dialer.dispose()
    }
    await vi.waitFor(() => expect(pids.size).toBe(0))
  })
})

describe.each(['perl', 'python3', 'node'])('a workspace that has no files left, through %s', (program) => {
  const { folder, missing } = pathWith(['sh', program])
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.skipIf(missing.length > 0)('refuses more connections and loses none of those there are', async () => {
    const { exec, pids } = createLocalExec()
    const dialer = createDialer({
      exec: (id, { command, ...options }, signal) => {
        const limited = ['sh', '-c', 'ulimit -n 64 && exec "$@"', 'sh', ...command]
        if (command[0] === 'sh') return createLocalExec({ PATH: folder }).exec(id, { command }, signal)
        return exec(id, { ...options, command: limited }, signal)
      },
      logger: silentLogger,
      imageIdOf: async () => 'image',
    })
    const dial = () => dialer.dial('one', ports.echo, new AbortController().signal)
    const open: Duplex[] = [await dial()]
    const lost = vi.fn()
    const failures: unknown[] = []
    for (let count = 0; count < 80; count++) {
      await dial().then(
        (socket) => open.push(socket.on('close', lost)),
        (error: unknown) => failures.push(error),
      )
    }
    expect(failures.length).toBeGreaterThan(0)
    expect(open.length).toBeGreaterThan(20)
    expect(lost).not.toHaveBeenCalled()
    for (const [index, socket] of open.entries()) {
      socket.write(`still ${index}`)
      expect(String((await once(socket, 'data'))[0])).toBe(`still ${index}`)
    }
    for (const failure of failures) expect(hasCode(failure, 'connection-lost')).toBe(true)
    for (const socket of open) socket.destroy()
    dialer.dispose()
    await vi.waitFor(() => expect(pids.size).toBe(0))
  })
})

describe('an image in which nothing works', () => {
  for (const programs of [['sh'], []]) {
    it(`says so (${programs.join() || 'no shell'})`, async () => {
      const { folder } = pathWith(programs)
      const { exec } = createLocalExec({ PATH: folder })
      const dialer = createDialer({ exec, logger: silentLogger, imageIdOf: async () => 'image' })
      await expect(dialer.dial('one', ports.echo, new AbortController().signal)).rejects.toSatisfy((error) =>
        hasCode(error, 'dial-unsupported'),
      )
      dialer.dispose()
      rmSync(folder, { recursive: true, force: true })
    })
  }
})
