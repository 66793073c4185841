import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HIGH_WATER, type Session, Settings, type StreamDown, type StreamUp, type Workspace } from '#contract'
import {
  type ExecExit,
  type ExecProcess,
  type Link,
  type LinkExecOptions,
  noActivity,
  noCredentials,
  noFiles,
  noTerminals,
  type TerminalCheckpoint,
} from '../link/link'
import { Collection } from '../platform/collection'
import { endpointPair } from '../platform/endpoint-pair'
import { silentLogger } from '../platform/logger'
import type { Platform } from '../platform/platform'
import { STALL_LIMIT } from './attachment'
import { createTerminals, type Terminals } from './index'
import { WAITING_INPUT } from './typed-input'

/** A process without a terminal beneath: what it prints and how it ends is up to the test. */
class FakeProcess implements ExecProcess {
  readonly stdin = new PassThrough()
  readonly stdout = new PassThrough({ highWaterMark: 65_536 })
  readonly stderr = null
  readonly sizes: string[] = []
  readonly signals: string[] = []
  typed = ''
  destroyed = false
  obeys = true
  #exit: (exit: ExecExit) => void = () => undefined
  readonly exit = new Promise<ExecExit>((resolve) => {
    this.#exit = resolve
  })

  constructor(readonly options: LinkExecOptions) {
    this.stdin.on('data', (chunk: Buffer) => {
      this.typed += chunk.toString()
    })
  }

  async resize(columns: number, rows: number) {
    this.sizes.push(`${columns}x${rows}`)
  }
  async kill(signal: string) {
    this.signals.push(signal)
    if (this.obeys) this.finish({ code: 129 })
  }
  destroy() {
    this.destroyed = true
    this.finish({ code: null })
  }
  finish(exit: ExecExit) {
    if (this.stdout.writableEnded) return
    this.stdout.end()
    if (this.stdout.closed || this.destroyed) this.#exit(exit)
    else this.stdout.on('end', () => this.#exit(exit))
  }
}

const workspace = {
  id: 'w123456789',
  name: 'demo',
  state: 'running',
  reason: 'it runs',
  incarnation: 'one',
  user: { name: 'dev', uid: 1000, gid: 1000, home: '/home/dev', shell: '/bin/bash' },
} as unknown as Workspace

let workspaces: Collection<Workspace>
let terminals: Terminals
let processes: FakeProcess[]
let stirred: number
let foreground: Link['foreground']
let execute: (process: FakeProcess) => Promise<FakeProcess>
let kept: Link['terminals']

beforeEach(() => {
  workspaces = new Collection()
  workspaces.set(workspace)
  processes = []
  stirred = 0
  foreground = async () => undefined
  execute = async (process) => process
  kept = noTerminals
  const link = {
    workspaceId: workspace.id,
    exec: (options: LinkExecOptions) => {
      const process = new FakeProcess(options)
      processes.push(process)
      return execute(process)
    },
    foreground: (session) => foreground(session),
    get terminals() {
      return kept
    },
    files: noFiles,
    credentials: noCredentials,
    activity: noActivity,
    stir: () => {
      stirred += 1
    },
  } satisfies Partial<Link> as unknown as Link
  const platform = {
    clock: { now: () => 1 },
    logger: silentLogger,
    settings: { get: () => Settings.parse({}), onChange: () => () => undefined },
    version: '0',
  } as unknown as Platform
  terminals = createTerminals({ platform, workspaces, followed: workspaces, links: { get: () => link } })
})
afterEach(async () => {
  vi.useRealTimers()
  await terminals.dispose()
})

const signal = new AbortController().signal

async function create(fields: { command?: string[] } = {}) {
  const { sessionId } = await terminals.handlers['sessions.create'](
    { workspaceId: workspace.id, columns: 80, rows: 24, ...fields },
    signal,
  )
  await vi.waitFor(() => expect(processes).toHaveLength(terminals.sessions.list().length))
  const process = processes.at(-1)
  if (!process) throw new Error('nothing was started')
  // Until the session has it.
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  return { sessionId, process }
}

/** The process is there only when `go` is called. */
async function createLater() {
  let go: () => void = () => undefined
  execute = (process) =>
    new Promise((resolve) => {
      go = () => resolve(process)
    })
  return { ...(await create()), go: () => go() }
}

/** A window that reads all, unless told not to. */
class Window {
  readonly messages: StreamDown<'terminal'>[] = []
  readonly #port
  reads = true
  received = 0
  unread = 0
  closed = false

  constructor(sessionId: string, columns = 80, rows = 24) {
    const [near, far] = endpointPair()
    this.#port = near
    near.onClose(() => {
      this.closed = true
    })
    near.onMessage((raw) => {
      const message = raw as StreamDown<'terminal'>
      this.messages.push(message)
      if (message.type !== 'data') return
      this.received += message.data.length
      this.unread += message.data.length
      if (this.reads) this.read()
    })
    terminals.open({ sessionId, columns, rows }, far)
  }

  read() {
    this.post({ type: 'ack', bytes: this.unread })
    this.unread = 0
  }
  post(message: StreamUp<'terminal'>) {
    this.#port.post(message)
  }
  type(text: string) {
    this.post({ type: 'input', data: new Uint8Array(Buffer.from(text)) })
  }
  close() {
    this.#port.close()
  }
  get text() {
    return this.messages
      .map((message) => (message.type === 'data' ? Buffer.from(message.data).toString() : ''))
      .join('')
  }
  get replay() {
    const first = this.messages[0]
    if (first?.type !== 'replay') return undefined
    return `${Buffer.from(first.data)}${Buffer.from(first.since?.data ?? [])}`
  }
  get end() {
    const last = this.messages.at(-1)
    return last?.type === 'end' ? last.end : undefined
  }
}

const record = (sessionId: string): Session | undefined => terminals.sessions.get(sessionId)

describe('a session', () => {
  it('is not begun where there is no shell, unless it runs a program', async () => {
    const { shell: _, ...user } = workspace.user
    workspaces.set({ ...workspace, image: 'bare', user })
    await expect(create()).rejects.toMatchObject({ problem: { code: 'no-shell' } })
    expect(terminals.sessions.list()).toEqual([])
    await create({ command: ['/server'] })
  })

  it('runs the login shell in a terminal of the asked size and brings bytes both ways', async () => {
    const { sessionId, process } = await create()
    expect(process.options).toMatchObject({ shell: 'login', tty: { columns: 80, rows: 24 } })
    expect(process.options.env).toMatchObject({ TERM: 'xterm-256color', COLORTERM: 'truecolor' })
    expect(record(sessionId)).toMatchObject({ title: 'bash', command: null })
    expect(record((await create()).sessionId)?.title).toBe('bash 2')
    const window = new Window(sessionId)
    await vi.waitFor(() => expect(window.replay).toBeDefined())
    expect(record(sessionId)?.state).toBe('running')
    window.type('ls\r')
    process.stdout.write('ls\r\nfile\r\n')
    await vi.waitFor(() => expect(window.text).toBe('ls\r\nfile\r\n'))
    expect(process.typed).toBe('ls\r')
    expect(stirred).toBeGreaterThan(0)
  })

  it('refuses to start where nothing runs, with the remedy at hand', async () => {
    workspaces.set({ ...workspace, state: 'stopped', reason: 'stopped by you' })
    await expect(create()).rejects.toMatchObject({
      problem: { code: 'workspace-not-running', actions: [{ kind: 'workspace', verb: 'start' }] },
    })
    await expect(
      terminals.handlers['sessions.create']({ workspaceId: 'a000000000', columns: 1, rows: 1 }, signal),
    ).rejects.toMatchObject({ problem: { code: 'not-found' } })
  })

  it('keeps what is typed before the process is there', async () => {
    const { go, process, sessionId } = await createLater()
    const window = new Window(sessionId)
    window.type('early')
    await vi.waitFor(() => expect(window.replay).toBeDefined())
    expect(record(sessionId)?.state).toBe('starting')
    go()
    await vi.waitFor(() => expect(process.typed).toBe('early'))
  })

  it('says when more is typed than is kept until then', async () => {
    const { go, process, sessionId } = await createLater()
    const window = new Window(sessionId)
    window.type('early')
    window.type('x'.repeat(WAITING_INPUT))
    await vi.waitFor(() => expect(record(sessionId)?.isInputDropped).toBe(true))
    go()
    await vi.waitFor(() => expect(record(sessionId)?.isInputDropped).toBe(false))
    window.type(', and late')
    await vi.waitFor(() => expect(process.typed).toBe('early, and late'))
  })

  it('shows why it could not start', async () => {
    execute = () => Promise.reject(new Error('no such thing'))
    const { sessionId } = await create()
    await vi.waitFor(() => expect(record(sessionId)?.state).toBe('ended'))
    expect(record(sessionId)?.end).toMatchObject({ reason: 'failed', problem: { code: 'internal' } })
    const window = new Window(sessionId)
    await vi.waitFor(() => expect(window.end?.reason).toBe('failed'))
  })

  it('gives every window the same, and a late one the screen first', async () => {
    const { sessionId, process } = await create()
    const first = new Window(sessionId)
    process.stdout.write('hello ')
    await vi.waitFor(() => expect(first.text).toBe('hello '))
    const second = new Window(sessionId)
    process.stdout.write('world')
    await vi.waitFor(() => expect(first.text).toBe('hello world'))
    await vi.waitFor(() => expect(`${second.replay}${second.text}`).toContain('world'))
    expect(second.messages.filter(({ type }) => type === 'replay')).toHaveLength(1)
    expect(second.replay).toContain('hello')
    second.close()
    process.stdout.write('!')
    await vi.waitFor(() => expect(first.text).toBe('hello world!'))
  })

  it('loses not a byte to a slow window and lets the process wait', async () => {
    const { sessionId, process } = await create()
    const window = new Window(sessionId)
    window.reads = false
    await vi.waitFor(() => expect(window.replay).toBeDefined())
    const line = Buffer.from(`${'x'.repeat(98)}\r\n`)
    let written = 0
    while (written < 3_000_000) {
      process.stdout.write(line)
      written += line.length
    }
    await vi.waitFor(() => expect(window.unread).toBeGreaterThan(HIGH_WATER / 2))
    await vi.waitFor(() => expect(process.stdout.isPaused()).toBe(true))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(window.unread).toBeLessThanOrEqual(HIGH_WATER)
    expect(process.stdout.isPaused()).toBe(true)
    // Input goes past all that waits.
    window.type('\x03')
    await vi.waitFor(() => expect(process.typed).toBe('\x03'))
    window.reads = true
    window.read()
    await vi.waitFor(() => expect(window.received).toBe(written))
  })

  it('lets a window go that reads nothing, so that the process goes on', async () => {
    const { sessionId, process } = await create()
    const window = new Window(sessionId)
    window.reads = false
    await vi.waitFor(() => expect(window.replay).toBeDefined())
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true })
    let done = false
    process.stdout.write(Buffer.alloc(1_000_000, 'y\r\n'), () => {
      done = true
    })
    await vi.waitFor(() => expect(window.unread).toBeGreaterThan(HIGH_WATER / 2))
    await vi.advanceTimersByTimeAsync(STALL_LIMIT + 1)
    await vi.waitFor(() => expect(window.closed).toBe(true))
    await vi.waitFor(() => expect(done).toBe(true))
    expect(window.end).toBeUndefined()
    expect(record(sessionId)?.state).toBe('running')
  })

  it('has the size of the latest window to ask', async () => {
    const { sessionId, process } = await create()
    const first = new Window(sessionId, 100, 30)
    await vi.waitFor(() => expect(first.replay).toBeDefined())
    expect(process.sizes).toEqual([])
    process.stdout.write('$ ')
    await vi.waitFor(() => expect(process.sizes).toEqual(['100x30']))
    new Window(sessionId, 120, 40)
    await vi.waitFor(() => expect(process.sizes.at(-1)).toBe('120x40'))
    first.post({ type: 'resize', columns: 90, rows: 20 })
    await vi.waitFor(() => expect(process.sizes.at(-1)).toBe('90x20'))
    expect(record(sessionId)).toMatchObject({ columns: 90, rows: 20 })
    first.post({ type: 'resize', columns: 0, rows: 20 })
    first.post({ nonsense: true } as never)
    first.type('still here')
    await vi.waitFor(() => expect(process.typed).toBe('still here'))
    expect(record(sessionId)).toMatchObject({ columns: 90, rows: 20 })
  })

  it('answers a program once, whoever is looking', async () => {
    const { sessionId, process } = await create()
    process.stdout.write('\x1b[6n')
    await vi.waitFor(() => expect(process.typed).toBe('\x1b[1;1R'))
    process.stdout.write('\x1b]11;?\x07')
    await vi.waitFor(() => expect(process.typed).toMatch(/11;rgb:/))
    process.typed = ''
    const first = new Window(sessionId)
    const second = new Window(sessionId)
    await vi.waitFor(() => expect(second.replay).toBeDefined())
    expect(first.replay).not.toContain('\x1b[6n')
    process.stdout.write('\x1b[c\x1b]11;?\x07')
    await vi.waitFor(() => expect(second.text).toContain('\x1b]11'))
    first.type('\x1b]11;rgb:1111/1111/1111\x1b\\')
    second.type('\x1b]11;rgb:2222/2222/2222\x1b\\')
    await vi.waitFor(() => expect(process.typed).toContain('rgb:1111'))
    await vi.waitFor(() => expect(process.typed).toContain('[?1;2c'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(process.typed.match(/\[\?1;2c/g)).toHaveLength(1)
    expect(process.typed).not.toContain('rgb:2222')
  })

  it('takes its title from the program, unless the user gave it one', async () => {
    const { sessionId, process } = await create()
    process.stdout.write('\x1b]0;vim README\x07')
    await vi.waitFor(() => expect(record(sessionId)?.title).toBe('vim README'))
    await terminals.handlers['sessions.rename']({ sessionId, title: ' mine ' }, signal)
    expect(record(sessionId)?.title).toBe('mine')
    process.stdout.write('\x1b]2;other\x07')
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(record(sessionId)?.title).toBe('mine')
    await terminals.handlers['sessions.rename']({ sessionId, title: '' }, signal)
    await vi.waitFor(() => expect(record(sessionId)?.title).toBe('other'))
  })
})

it('leaves a screen with its workspace that is as old as it says', async () => {
  const left: TerminalCheckpoint[] = []
  const beginning = { epoch: 'first', offset: 0, end: 0, columns: 80, rows: 24, lost: false }
  const never = () => undefined
  kept = {
    ...noTerminals,
    open: async (_id, { create: options }) => {
      const process = new FakeProcess(options as LinkExecOptions)
      processes.push(process)
      return Object.assign(process, { beginning, onSize: never, onTyped: never })
    },
    checkpoint: async (_id, checkpoint) => void left.push(checkpoint),
  }
  const { process } = await create()
  const line = (number: number) => `line ${String(number).padStart(6, '0')}\r\n`
  const length = line(0).length
  let printed = 0
  const print = (count: number) => {
    for (const until = printed + count; printed < until; printed++) process.stdout.write(line(printed))
  }
  print(10_000)
  const gone = terminals.dispose()
  for (let part = 0; part < 20; part++) {
    print(100)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await gone
  const [screen] = left
  const last = screen?.data
    .toString()
    .match(/line \d{6}/g)
    ?.at(-1)
  const end = (Number(last?.slice(5)) + 1) * length
  // The line after that may have begun, and its own end may be still to come.
  expect(screen?.offset).toBeGreaterThanOrEqual(end - 2)
  expect(screen?.offset).toBeLessThan(end + length - 2)
})

describe('the end of a session', () => {
  it('comes after the last output, with the exit code, and leaves it readable', async () => {
    const { sessionId, process } = await create({ command: ['/usr/bin/make', 'all'] })
    const window = new Window(sessionId)
    await vi.waitFor(() => expect(window.replay).toBeDefined())
    process.stdout.write('last words')
    process.finish({ code: 3 })
    await vi.waitFor(() => expect(window.end).toBeDefined())
    expect(window.end).toMatchObject({
      reason: 'exited',
      exitCode: 3,
      message: 'make ended with exit code 3.',
    })
    expect(window.text).toBe('last words')
    const late = new Window(sessionId)
    await vi.waitFor(() => expect(late.end?.exitCode).toBe(3))
    expect(late.replay).toContain('last words')
    expect(late.messages.map(({ type }) => type)).toEqual(['replay', 'end'])
  })

  it('is the workspace’s when that stopped', async () => {
    const { sessionId, process } = await create()
    workspaces.set({ ...workspace, state: 'stopping' })
    process.finish({ code: 137 })
    await vi.waitFor(() => expect(record(sessionId)?.end).toBeDefined())
    expect(record(sessionId)?.end).toMatchObject({ reason: 'workspace-stopped', exitCode: 137 })
  })

  it('is the workspace’s also when word of that comes a moment later', async () => {
    const { sessionId, process } = await create()
    process.finish({ code: null })
    setTimeout(() => workspaces.set({ ...workspace, state: 'stopped', reason: 'x' }), 100)
    await vi.waitFor(() => expect(record(sessionId)?.end?.reason).toBe('workspace-stopped'))
  })

  it('comes even if the process never tells, once the workspace runs anew', async () => {
    const { sessionId, process } = await create()
    const window = new Window(sessionId)
    workspaces.set({ ...workspace, incarnation: 'two' })
    await vi.waitFor(() => expect(window.end?.message).toBe('The workspace was restarted.'))
    expect(process.destroyed).toBe(true)
  })

  it('is a lost connection when nothing else explains it', async () => {
    const { sessionId, process } = await create()
    process.finish({ code: null })
    await vi.waitFor(() => expect(record(sessionId)?.end?.reason).toBe('connection-lost'))
    expect(record(sessionId)?.end?.problem?.code).toBe('connection-lost')
  })

  it('may be a signal', async () => {
    const { sessionId, process } = await create()
    process.finish({ code: 137 })
    await vi.waitFor(() => expect(record(sessionId)?.end?.message).toBe('The shell was killed by SIGKILL.'))
  })
})

describe('closing', () => {
  it('hangs up the process, tells the windows and forgets the session', async () => {
    const { sessionId, process } = await create()
    const window = new Window(sessionId)
    await vi.waitFor(() => expect(window.replay).toBeDefined())
    await terminals.handlers['sessions.close']({ sessionId }, signal)
    expect(process.signals).toEqual(['SIGHUP'])
    await vi.waitFor(() => expect(window.closed).toBe(true))
    expect(window.end?.reason).toBe('closed')
    expect(terminals.sessions.list()).toEqual([])
    await expect(terminals.handlers['sessions.close']({ sessionId }, signal)).rejects.toMatchObject({
      problem: { code: 'not-found' },
    })
    const late = new Window(sessionId)
    await vi.waitFor(() => expect(late.closed).toBe(true))
  })

  it('destroys what does not obey', async () => {
    const { sessionId, process } = await create()
    process.obeys = false
    await terminals.handlers['sessions.close']({ sessionId }, signal)
    expect(process.destroyed).toBe(true)
    expect(terminals.sessions.list()).toEqual([])
  })

  it('follows the deletion of a workspace', async () => {
    await create()
    workspaces.set({ ...workspace, state: 'deleting' })
    workspaces.delete(workspace.id)
    await vi.waitFor(() => expect(terminals.sessions.list()).toEqual([]))
  })

  it('ends a session whose process is still being started', async () => {
    let go: () => void = () => undefined
    execute = (process) =>
      new Promise((resolve) => {
        go = () => resolve(process)
      })
    const { sessionId, process } = await create()
    await terminals.handlers['sessions.close']({ sessionId }, signal)
    go()
    await vi.waitFor(() => expect(process.destroyed).toBe(true))
  })
})

describe('what would end with a session', () => {
  const ask = (sessionId: string) => terminals.handlers['sessions.foreground']({ sessionId }, signal)

  it('is what runs in its foreground, by the mark that its processes carry', async () => {
    const { sessionId, process } = await create()
    foreground = async (session) =>
      session === process.options.env?.BERTH_SESSION
        ? { pid: 7, name: 'node', command: 'node server.js' }
        : undefined
    expect(await ask(sessionId)).toEqual({ process: { name: 'node', command: 'node server.js' } })
  })

  it('is its own program, where it runs one', async () => {
    const { sessionId } = await create({ command: ['/usr/bin/top', '-d', '1'] })
    expect(await ask(sessionId)).toEqual({ process: { name: 'top', command: '/usr/bin/top -d 1' } })
  })

  it('is nothing at the prompt, and after its end', async () => {
    const { sessionId, process } = await create()
    expect(await ask(sessionId)).toEqual({})
    foreground = async () => ({ pid: 7, name: 'node', command: 'node' })
    process.finish({ code: 0 })
    await vi.waitFor(() => expect(record(sessionId)?.state).toBe('ended'))
    expect(await ask(sessionId)).toEqual({})
  })

  it('is nothing where nobody can tell in time', async () => {
    const { sessionId } = await create()
    foreground = () => new Promise(() => undefined)
    vi.useFakeTimers()
    const answer = ask(sessionId)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(await answer).toEqual({})
  })
})
