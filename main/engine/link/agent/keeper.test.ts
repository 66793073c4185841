import { existsSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import type { ExecOptions } from '../../drivers/driver'
import type { Channel, SshConnection } from '../ssh/connection'
import { dialByAgent } from './dial'
import { Lines } from './lines'
import { parseAgentTable } from './listeners'
import { isPossible, openKeeper, shipped } from './local-agent.suite'
import { startProcess } from './process'
import { parseStatus } from './status'

const never = new AbortController().signal

describe.skipIf(!isPossible)('the agent', () => {
  let opened: ReturnType<typeof openKeeper>
  let connection: SshConnection
  let server: Server
  let port = 0
  const sockets = new Set<Socket>()

  beforeAll(async () => {
    opened = openKeeper()
    connection = await opened.connected()
    server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('data', (asked) => {
        if (asked.toString() === 'reset') socket.resetAndDestroy()
        else socket.on('end', () => socket.end(`after ${asked}`))
        socket.resume()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as { port: number }).port
  })
  afterAll(async () => {
    for (const socket of sockets) socket.destroy()
    server?.close()
    await opened?.dispose()
  })

  async function run(command: readonly string[], input = '', options: Partial<ExecOptions> = {}) {
    const process = await startProcess(connection, { command, ...options }, never)
    const output = { stdout: '', stderr: '' }
    process.stdout.on('data', (chunk) => {
      output.stdout += chunk
    })
    process.stderr?.on('data', (chunk) => {
      output.stderr += chunk
    })
    process.stdin.end(input)
    return { ...(await process.exit), ...output }
  }

  it('is put into home, and says which it is', () => {
    const nameOf = (program = '') =>
      program
        .split('/')
        .at(-1)
        ?.replace(/-[0-9a-f]{16}$/, '')
    const commands = opened.local.started.map(([program, verb]) => `${nameOf(program)} ${verb}`)
    expect(connection.serverVersion).toMatch(/^SSH-2\.0-BerthAgent_\d+$/)
    // It is looked for first; nothing is asked where it is there.
    expect(commands).toEqual(['berth-agent bridge', 'uname -m', 'berth-agent version', 'berth-agent bridge'])
    expect(opened.local.started.at(-1)?.[0]).toContain(`${opened.home}/.berth/berth-agent-`)
  })

  it('runs a process with its input, both outputs, environment, folder and exit code', async () => {
    const script = 'cat; echo "$WORD" in "$(pwd)" >&2; exit 7'
    const options = { env: { WORD: 'two words' }, cwd: '/usr' }
    expect(await run(['sh', '-c', script], 'in and out', options)).toEqual({
      code: 7,
      stdout: 'in and out',
      stderr: 'two words in /usr\n',
    })
  })

  it('keeps what a process has printed when input comes after its end', async () => {
    const process = await startProcess(connection, { command: ['echo', 'printed'] }, never)
    await (process.stdout as Channel).over
    process.stdin.write('late')
    process.stdin.end()
    let text = ''
    for await (const chunk of process.stdout) text += chunk
    expect(text).toBe('printed\n')
    expect(await process.exit).toEqual({ code: 0 })
  })

  it('runs one in a terminal of a size that changes', async () => {
    const process = await startProcess(
      connection,
      { command: ['sh', '-c', 'stty size; read -r line; stty size'], tty: { columns: 90, rows: 30 } },
      never,
    )
    let text = ''
    const first = new Promise<void>((resolve) => {
      process.stdout.on('data', (chunk) => {
        text += chunk
        if (text.includes('30 90')) resolve()
      })
    })
    await first
    await process.resize(100, 40)
    process.stdin.write('\n')
    expect(await process.exit).toEqual({ code: 0 })
    expect(text).toContain('40 100')
    expect(process.stderr).toBeNull()
  })

  it('tells the signal that ended a process as shells do', async () => {
    const process = await startProcess(connection, { command: ['sleep', '1000'] }, never)
    await process.kill('SIGTERM')
    expect(await process.exit).toEqual({ code: 143 })
  })

  it('ends a process that is given up', async () => {
    const process = await startProcess(connection, { command: ['sh', '-c', 'echo $$; sleep 1000'] }, never)
    const [first] = await new Promise<[Buffer]>((resolve) =>
      process.stdout.once('data', (chunk: Buffer) => resolve([chunk])),
    )
    process.destroy()
    expect((await process.exit).problem?.code).toBe('cancelled')
    const pid = Number(first.toString())
    const isThere = () => {
      try {
        globalThis.process.kill(pid, 0)
        return true
      } catch {
        return false
      }
    }
    await expect.poll(isThere).toBe(false)
  })

  it('says that there is no such program, and no such folder', async () => {
    const codeOf = (error: ProblemError) => error.problem.code
    expect(await run(['no-such-program']).catch(codeOf)).toBe('command-not-found')
    expect(await run(['true'], '', { cwd: '/no/such/folder' }).catch(codeOf)).toBe('exec-failed')
  })

  it('carries 100 MB with all of their bytes', async () => {
    const process = await startProcess(
      connection,
      { command: ['head', '-c', '100000000', '/dev/zero'] },
      never,
    )
    process.stdin.end()
    let size = 0
    for await (const chunk of process.stdout) size += chunk.length
    expect(size).toBe(100_000_000)
    expect(await process.exit).toEqual({ code: 0 })
  })

  it('reaches what listens, half-close included', async () => {
    const stream = await dialByAgent(connection, port, never)
    stream.end('hello')
    let text = ''
    for await (const chunk of stream) text += chunk
    expect(text).toBe('after hello')
  })

  it('tells a reset from an end, and that nothing listens', async () => {
    const stream = await dialByAgent(connection, port, never)
    stream.resume()
    stream.write('reset')
    const code = await new Promise((resolve) => {
      stream.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      stream.once('end', () => resolve('it ended'))
    })
    expect(code).toBe('ECONNRESET')
    const refused = await dialByAgent(connection, 1, never).catch((error: ProblemError) => error.problem.code)
    expect(refused).toBe('port-refused')
  })

  it('carries 300 connections at once', async () => {
    const one = async (name: string) => {
      const stream = await dialByAgent(connection, port, never)
      stream.end(name)
      let text = ''
      for await (const chunk of stream) text += chunk
      return text === `after ${name}`
    }
    const all = await Promise.all(Array.from({ length: 300 }, (_, number) => one(`number ${number}`)))
    expect(all.every(Boolean)).toBe(true)
    await expect.poll(() => connection.channels).toBe(0)
  })

  it('is reached again after its way was cut, and what went over it says so', async () => {
    const process = await startProcess(connection, { command: ['sleep', '1000'] }, never)
    opened.local.cut()
    expect((await process.exit).problem?.code).toBe('connection-lost')
    connection = await opened.connected(connection)
    expect(await run(['echo', 'again'])).toMatchObject({ code: 0, stdout: 'again\n' })
  })
})

describe.skipIf(!isPossible)('an agent that is put in place over a way that is lost', () => {
  const lost = { code: 'target-unreachable', title: 'lost', cause: 'lost', remedy: 'wait' } as const

  it('is put where it is to be, once there is a way again', async () => {
    const left = { write: 2, version: 1 }
    const opened = openKeeper(shipped, (driver) => ({
      ...driver,
      write: async (...args) => {
        if (left.write-- > 0) throw new ProblemError(lost)
        return driver.write(...args)
      },
      exec: async (id, options, signal) => {
        const process = await driver.exec(id, options, signal)
        if (options.command[1] !== 'version' || left.version-- <= 0) return process
        const problem = { ...lost, code: 'connection-lost' as const }
        return { ...process, exit: process.exit.then(() => ({ code: null, problem })) }
      },
    }))
    try {
      await opened.connected()
      expect(left).toEqual({ write: -1, version: 0 })
      const programs = opened.local.started.map(([program = '']) => program).filter((one) => one !== 'uname')
      expect(new Set(programs.map((program) => program.split('/.berth/')[0]))).toEqual(new Set([opened.home]))
    } finally {
      await opened.dispose()
    }
  })
})

describe.skipIf(!isPossible)('an agent that falls silent before it has said which it is', () => {
  /** A keeper whose first way to the agent loses what is sent from the given message on. */
  function withLoss(from: number) {
    let sent = 0
    let bridges = 0
    const opened = openKeeper(shipped, (driver) => ({
      ...driver,
      exec: async (id, options, signal) => {
        const process = await driver.exec(id, options, signal)
        if (options.command[1] !== 'bridge') return process
        const isThere = options.command[0]?.startsWith('/') && existsSync(options.command[0])
        if (!isThere || ++bridges > 1) return process
        const stdin = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            sent += 1
            done(null, sent < from ? chunk : undefined)
          },
        })
        stdin.pipe(process.stdin)
        return { ...process, stdin }
      },
    }))
    return { ...opened, counts: () => ({ bridges, sent }) }
  }

  it('is given up, and reached again', async () => {
    const whole = withLoss(Number.POSITIVE_INFINITY)
    const lossy = await whole.connected().then(() => withLoss(whole.counts().sent))
    try {
      const connection = await lossy.connected()
      expect(lossy.counts().bridges).toBe(2)
      expect(parseStatus((await connection.request('status@berth.dev')).text()).revision).toBeGreaterThan(0)
    } finally {
      await whole.dispose()
      await lossy.dispose()
    }
  })
})

describe.skipIf(!isPossible)('a workspace without an agent', () => {
  let opened: ReturnType<typeof openKeeper>
  afterEach(() => opened.dispose())

  it('says why, once it is known that none can run', async () => {
    opened = openKeeper({ facts: async () => undefined, read: () => Promise.reject(new Error('none')) })
    opened.keeper.use()
    expect(opened.keeper.connection).toBeUndefined()
    await expect.poll(() => opened.keeper.problem?.code).toBe('agent-unavailable')
  })
})

describe('what an agent tells of listeners', () => {
  it('is read line by line, in whatever pieces it comes', () => {
    const lines = new Lines()
    expect(lines.push(Buffer.from('one\ntw'))).toEqual(['one'])
    expect(lines.push(Buffer.from('o'))).toEqual([])
    expect(lines.push(Buffer.from('\nthree\n'))).toEqual(['two', 'three'])
  })

  it('is left out where it is not TCP, or makes no sense', () => {
    const listener = { kind: 'tcp4', address: '127.0.0.1', port: 80, inode: '7', uid: 0, user: 'root' }
    const process = { pid: 9, process: 'node', command: 'node server.js' }
    const listeners = [
      { ...listener, ...process },
      { ...listener, kind: 'udp4' },
      { ...listener, port: 70_000 },
      { ...listener, address: 5 },
      { ...listener, address: '127.0.0.11' },
      null,
    ]
    const table = parseAgentTable(JSON.stringify({ listeners }))
    expect(table.sockets).toEqual([{ address: '127.0.0.1', port: 80, inode: '7', uid: 0 }])
    expect(table.owners.get('7')).toEqual({ pid: 9, name: 'node', command: 'node server.js' })
    expect(table.users.get(0)).toBe('root')
  })

  it.each(['', 'null', '[]', '{"listeners":1}', '{'])('breaks the protocol as %j', (line) => {
    expect(() => parseAgentTable(line)).toThrow()
  })
})
