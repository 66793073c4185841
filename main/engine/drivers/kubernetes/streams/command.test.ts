import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../platform/logger'
import type { ApiClient } from '../api'
import { startExec } from './exec'
import { FakeSession, type FakeStream, FakeWebSocket, fakeClient, refusal } from './fakes'
import { ProtocolMemory } from './protocols'
import { spdyCommand } from './spdy-command'
import { websocketCommand } from './websocket-command'

const never = new AbortController().signal
const tick = () => new Promise((resolve) => setTimeout(resolve, 5))
const success = JSON.stringify({ status: 'Success' })
const exitCode = (code: number) =>
  JSON.stringify({ status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: String(code) }] } })

describe('websocketCommand', () => {
  it('takes the channels apart and ends with the status', async () => {
    const socket = new FakeWebSocket('v4.channel.k8s.io')
    const command = websocketCommand(socket, false)
    socket.message(1, '')
    socket.message(1, 'out')
    socket.message(2, 'err')
    socket.message(9, 'from a later protocol')
    socket.message(3, success)
    socket.finish(true)
    expect(await command.ended).toEqual({ status: success, reason: '' })
    command.finish()
    expect(await text(command.stdout)).toBe('out')
    expect(command.stderr && (await text(command.stderr))).toBe('err')
  })

  it('pauses while a reader is slow, and goes on when it reads or is destroyed', async () => {
    const socket = new FakeWebSocket('v4.channel.k8s.io')
    const command = websocketCommand(socket, false)
    for (let count = 0; count < 40; count++) socket.message(1, Buffer.alloc(64 * 1024))
    expect(socket.paused).toBe(true)
    expect(command.stdout.readableLength).toBeLessThan(1024 * 1024)
    let size = 0
    command.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
    })
    await tick()
    expect(size).toBe(40 * 64 * 1024)
    for (let count = 0; count < 40; count++) socket.message(2, Buffer.alloc(64 * 1024))
    expect(socket.paused).toBe(true)
    command.stderr?.destroy()
    await tick()
    expect(socket.paused).toBe(false)
  })

  it.each([
    ['v5.channel.k8s.io', false, [Buffer.of(0, 97), Buffer.of(255, 0)]],
    ['v4.channel.k8s.io', false, [Buffer.of(0, 97)]],
    ['v5.channel.k8s.io', true, [Buffer.of(0, 97), Buffer.of(0, 4, 4)]],
  ])('ends the input over %s (terminal: %s)', async (protocol, terminal, expected) => {
    const socket = new FakeWebSocket(protocol)
    const { stdin } = websocketCommand(socket, terminal)
    stdin.end('a')
    await once(stdin, 'finish')
    expect(socket.sent).toEqual(expected)
  })

  it('holds a writer up while the connection is full, and lets it go when that ends', async () => {
    const socket = new FakeWebSocket('v5.channel.k8s.io')
    const { stdin } = websocketCommand(socket, false)
    socket.room = 1
    let written = 0
    stdin.write(Buffer.alloc(200_000), () => {
      written++
    })
    stdin.write('more', () => {
      written++
    })
    await tick()
    expect([socket.sent.length, written]).toEqual([1, 0])
    socket.drain(2)
    await tick()
    expect([socket.sent.length, written]).toEqual([3, 0])
    socket.finish(false)
    socket.drain()
    await tick()
    expect(written).toBe(2)
    expect(stdin.destroyed).toBe(true)
  })
})

describe('spdyCommand', () => {
  const start = async (terminal = false) => {
    const session = new FakeSession()
    const command = await spdyCommand(session, terminal, never)
    const stream = (type: string) =>
      session.opened.find(({ headers }) => headers.streamType === type) as FakeStream
    return { session, command, stream }
  }

  it('takes the resets behind the status for the end, and loses nothing that came before', async () => {
    const { session, command, stream } = await start()
    stream('stdout').push('x'.repeat(1_000_000))
    stream('stderr').push('err')
    stream('error').push(exitCode(3))
    for (const opened of session.opened) opened.push(new Error('cancelled'))
    const [stdout, stderr, { status }] = await Promise.all([
      text(command.stdout),
      command.stderr && text(command.stderr),
      command.ended.then((ending) => {
        command.finish()
        return ending
      }),
    ])
    expect([stdout.length, stderr, status]).toEqual([1_000_000, 'err', exitCode(3)])
  })

  it('half-closes the input, and sends sizes on their own stream', async () => {
    const plain = await start()
    plain.command.stdin.end('question')
    await once(plain.command.stdin, 'finish')
    expect(plain.stream('stdin').halfClosed).toBe(true)
    expect(Buffer.concat(plain.stream('stdin').received).toString()).toBe('question')
    const terminal = await start(true)
    terminal.command.resize(120, 40)
    await tick()
    expect(Buffer.concat(terminal.stream('resize').received).toString()).toBe('{"Width":120,"Height":40}')
    terminal.command.stdin.end('half')
    await once(terminal.command.stdin, 'finish')
    expect(Buffer.concat(terminal.stream('stdin').received)).toEqual(Buffer.from('half\x04\x04'))
  })

  it('ends with the reason when the session breaks', async () => {
    const { session, command } = await start()
    session.break('no sign of life for 20 s')
    expect(await command.ended).toEqual({ status: '', reason: 'no sign of life for 20 s' })
    expect(command.stdin.destroyed).toBe(true)
  })
})

describe('a prologue', () => {
  const input = Buffer.from('+export A=b\n.\n')
  const prologue = { input, told: Buffer.from('told') }
  const all = (socket: FakeWebSocket) =>
    Buffer.concat(socket.sent.map((message) => message.subarray(1))).toString()

  it('comes before all other input, which follows at once without a terminal', async () => {
    const socket = new FakeWebSocket('v5.channel.k8s.io')
    const command = websocketCommand(socket, false, { input })
    command.stdin.write('rest')
    await tick()
    expect(all(socket)).toBe('+export A=b\n.\nrest')
    const session = new FakeSession()
    const other = await spdyCommand(session, false, never, { input })
    other.stdin.end('rest')
    await once(other.stdin, 'finish')
    const stdin = session.opened.find(({ headers }) => headers.streamType === 'stdin')
    expect(Buffer.concat(stdin?.received ?? []).toString()).toBe('+export A=b\n.\nrest')
    expect(stdin?.halfClosed).toBe(true)
  })

  it('holds what is typed until it was read, and leaves out what the terminal repeated of it', async () => {
    const socket = new FakeWebSocket('v5.channel.k8s.io')
    const command = websocketCommand(socket, true, prologue)
    let first = 0
    command.stdout.onFirst(() => {
      first++
    })
    command.stdin.write('typed')
    socket.message(1, '+export A=b\r\n.\r')
    socket.message(1, '\nto')
    await tick()
    expect([all(socket), command.stdout.readableLength, first]).toEqual(['+export A=b\n.\n', 0, 0])
    socket.message(1, 'ldits own')
    await tick()
    expect(all(socket)).toBe('+export A=b\n.\ntyped')
    expect([String(command.stdout.read()), first]).toEqual(['its own', 1])
  })

  it('that nothing reads leaves what was said in its place, and an input that ends', async () => {
    const session = new FakeSession()
    const command = await spdyCommand(session, true, never, prologue)
    command.stdin.write('typed')
    await tick()
    const stream = (type: string) =>
      session.opened.find(({ headers }) => headers.streamType === type) as FakeStream
    stream('stdout').push('+export A=b\r\n.\r\nsetpriv: no such user\r\n')
    stream('error').push(exitCode(1))
    for (const opened of session.opened) opened.push(new Error('cancelled'))
    await command.ended
    command.finish()
    expect(await text(command.stdout)).toBe('setpriv: no such user\r\n')
    if (!command.stdin.closed) await once(command.stdin, 'close')
    expect(Buffer.concat(stream('stdin').received).toString()).toBe('+export A=b\n.\n')
  })
})

describe('startExec', () => {
  /** Where nothing else is said, SPDY does not pass. */
  const dependenciesOf = (parts: Partial<ApiClient>) => ({
    client: fakeClient({ spdy: async () => Promise.reject(refusal(403, 'status 403')), ...parts }),
    logger: silentLogger,
    protocols: new ProtocolMemory<'websocket-v5' | 'spdy' | 'websocket-v4'>(),
    ending: new Set<Promise<void>>(),
  })

  it('finds out once which protocol passes', async () => {
    const asked: string[] = []
    const dependencies = dependenciesOf({
      websocket: async (_, { protocols }) => {
        asked.push(...protocols)
        const socket = new FakeWebSocket(protocols[0] ?? '')
        setImmediate(() => {
          socket.message(3, success)
          socket.finish(true)
        })
        return socket
      },
      spdy: async () => {
        asked.push('spdy')
        throw refusal(403, 'status 403')
      },
    })
    for (let count = 0; count < 2; count++) {
      const process = await startExec(dependencies, 'pod', 'main', { command: ['true'] }, never)
      expect(await process.exit).toEqual({ code: 0 })
    }
    expect(asked).toEqual(['spdy', 'v5.channel.k8s.io', 'v5.channel.k8s.io'])
  })

  it('asks for a command without its environment, which is in no address that is logged', async () => {
    const asked: string[] = []
    const socket = new FakeWebSocket('v5.channel.k8s.io')
    const dependencies = dependenciesOf({
      websocket: async (path, options) => {
        asked.push(JSON.stringify([path, options.query]))
        return socket
      },
    })
    const process = await startExec(
      dependencies,
      'pod',
      'main',
      { command: ['cat'], env: { TOKEN: 'secret' } },
      never,
    )
    await tick()
    expect(asked.join()).not.toContain('secret')
    expect(Buffer.concat(socket.sent).toString()).toContain("export TOKEN='secret'")
    socket.finish(false)
    await process.exit
  })

  it('tells which permission is missing, and does not ask on for what is not there', async () => {
    const forbidden = refusal(403, 'pods "pod" is forbidden', 'Forbidden')
    const one = dependenciesOf({
      websocket: async () => Promise.reject(refusal(400, 'no such upgrade')),
      spdy: async () => Promise.reject(forbidden),
    })
    await expect(startExec(one, 'pod', 'main', { command: ['true'] }, never)).rejects.toBe(forbidden)
    let asked = 0
    const two = dependenciesOf({
      spdy: async () => {
        asked++
        throw refusal(404, 'pods "pod" not found', 'NotFound')
      },
    })
    await expect(startExec(two, 'pod', 'main', { command: ['true'] }, never)).rejects.toMatchObject({
      problem: { code: 'workspace-not-running' },
    })
    expect(asked).toBe(1)
  })

  it('never hangs: a connection that is lost ends everything with connection-lost', async () => {
    const socket = new FakeWebSocket('v5.channel.k8s.io')
    const dependencies = dependenciesOf({ websocket: async () => socket })
    const process = await startExec(dependencies, 'pod', 'main', { command: ['cat'] }, never)
    socket.message(1, 'half')
    socket.finish(false)
    expect(await text(process.stdout)).toBe('half')
    expect(await process.exit).toMatchObject({
      code: null,
      problem: { code: 'connection-lost', detail: 'the connection was lost' },
    })
    await process.kill('SIGTERM')
  })

  it('is over by the status alone where the server leaves the connection open', async () => {
    const socket = new FakeWebSocket('v5.channel.k8s.io')
    const dependencies = dependenciesOf({ websocket: async () => socket })
    const process = await startExec(dependencies, 'pod', 'main', { command: ['cat'] }, never)
    process.stdout.resume()
    socket.message(3, exitCode(9))
    expect(await process.exit).toEqual({ code: 9 })
    expect(socket.destroyed).toBe(true)
  })
})
