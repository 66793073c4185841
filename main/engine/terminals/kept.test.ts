import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Definition, Settings, type StreamDown, type Workspace } from '#contract'
import { processesIn, signalAll } from '../link/agent/local-agent.suite'
import { LocalDriver } from '../link/agent/local-driver.suite'
import { createLinks } from '../link/index'
import { systemClock } from '../platform/clock'
import { Collection } from '../platform/collection'
import { endpointPair } from '../platform/endpoint-pair'
import { silentLogger } from '../platform/logger'
import type { Platform } from '../platform/platform'
import { createTerminals } from './index'

/** The agent itself, as it is shipped, on this machine: which is Linux, as workspaces are. */
const isPossible = process.platform === 'linux'
const signal = new AbortController().signal
const LIMIT = { interval: 20 }

let folder: string
let local: LocalDriver
const apps: { dispose(): Promise<void> }[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-kept-test-'))
  const home = join(folder, 'home')
  mkdirSync(home)
  local = new LocalDriver({ PATH: process.env.PATH ?? '', HOME: home, BERTH_AGENT_FOLDER: folder, PS1: '$ ' })
})
afterEach(async () => {
  for (const app of apps.splice(0)) await app.dispose()
  local.cut()
  signalAll(keepers(), 'SIGTERM')
  // Until then they write into it.
  await expect.poll(keepers, LIMIT).toEqual([])
  rmSync(folder, { recursive: true, force: true })
})

/** Process ids of the agents that live in this test's folder. */
const keepers = () => processesIn(folder, 'serve')

/** Berth, as far as terminals go: each one that is opened knows nothing of those before. */
function openApp(incarnation = '1') {
  const workspaces = new Collection<Workspace>()
  const home = join(folder, 'home')
  const user = {
    name: 'me',
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    home,
    shell: '/bin/sh',
  }
  const definition = { workspaceFolder: home, remoteEnv: {}, containerEnv: {} } as unknown as Definition
  workspaces.set({
    id: 'one',
    name: 'one',
    state: 'running',
    reason: 'it runs',
    incarnation,
    image: 'none',
    user,
    definition,
  } as unknown as Workspace)
  const platform = {
    clock: systemClock,
    logger: silentLogger,
    settings: { get: () => Settings.parse({ terminal: { keep: true } }), onChange: () => () => undefined },
    folders: { resources: join(import.meta.dirname, '../../../resources') },
    env: {},
    version: '0',
  } as unknown as Platform
  const links = createLinks({ platform, workspaces, driverOf: () => local.driver })
  // As the ports of an open workspace are: what runs in a terminal is asked of the same helper.
  const following = new AbortController()
  const followed = (async () => {
    for await (const _ of links.get('one').listeners(following.signal));
  })()
  const terminals = createTerminals({ platform, workspaces, followed: workspaces, links })
  const app = {
    sessions: terminals.sessions,
    stateOf: (id: string) => terminals.sessions.get(id)?.state,
    /** A terminal that is opened before there is an agent waits for it for 3 s, and does without then. */
    async connected() {
      const over = new AbortController()
      for await (const list of links.get('one').terminals.follow(over.signal)) if (list) break
      over.abort()
    },
    async create(command?: string[]) {
      await app.connected()
      const { sessionId } = await terminals.handlers['sessions.create'](
        { workspaceId: 'one', columns: 80, rows: 24, ...(command && { command }) },
        signal,
      )
      await expect.poll(() => app.stateOf(sessionId), LIMIT).toBe('running')
      return sessionId
    },
    greet: () => terminals.handlers['sessions.greet']({ workspaceId: 'one', columns: 80, rows: 24 }, signal),
    attach: (sessionId: string) => new Window(terminals, sessionId),
    close: (sessionId: string) => terminals.handlers['sessions.close']({ sessionId }, signal),
    foreground: (sessionId: string) => terminals.handlers['sessions.foreground']({ sessionId }, signal),
    rename: (sessionId: string, title: string) =>
      terminals.handlers['sessions.rename']({ sessionId, title }, signal),
    workspaces,
    async dispose() {
      await terminals.dispose()
      following.abort()
      links.dispose()
      await followed
    },
  }
  apps.push(app)
  return app
}

const textOf = (data: Uint8Array = new Uint8Array()) => Buffer.from(data).toString()

/** Reads all that comes, as text. */
class Window {
  text = ''
  readonly replays: Extract<StreamDown<'terminal'>, { type: 'replay' }>[] = []
  readonly #port

  constructor(terminals: ReturnType<typeof createTerminals>, sessionId: string) {
    const [near, far] = endpointPair()
    this.#port = near
    near.onMessage((raw) => {
      const message = raw as StreamDown<'terminal'>
      if (message.type === 'replay') {
        this.replays.push(message)
        this.text += textOf(message.data) + textOf(message.since?.data)
      } else if (message.type === 'data') {
        this.text += Buffer.from(message.data).toString()
        near.post({ type: 'ack', bytes: message.data.length })
      }
    })
    terminals.open({ sessionId, columns: 80, rows: 24 }, far)
  }

  resize(columns: number, rows: number) {
    this.#port.post({ type: 'resize', columns, rows })
  }
  type(text: string) {
    this.#port.post({ type: 'input', data: new Uint8Array(Buffer.from(text)) })
  }
  /** What is on its way may be much: a failure shows the end of it. */
  async shows(text: string | RegExp) {
    const isThere = () => (typeof text === 'string' ? this.text.includes(text) : text.test(this.text))
    await expect.poll(() => isThere() || this.text.slice(-500), LIMIT).toBe(true)
  }
}

/** The process id that a shell prints when it is asked. */
async function pidIn(window: Window): Promise<number> {
  window.type('echo "pid <$$>"\n')
  await window.shows(/pid <\d+>/)
  return Number(/pid <(\d+)>/.exec(window.text)?.[1])
}

const runs = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe.skipIf(!isPossible)('a terminal that its workspace keeps', () => {
  it('goes on while the way to it is gone, and nothing of it is lost', async () => {
    const app = openApp()
    const id = await app.create()
    const window = app.attach(id)
    const pid = await pidIn(window)
    // Not all of it before the way is gone, however late this sees the second line.
    const cut = join(folder, 'cut')
    const wait = `[ $i != 3 ] || until [ -e ${cut} ]; do sleep 0.1; done`
    window.type(
      `for i in 1 2 3 4 5 6 7 8 9; do ${wait}; sleep 0.1; echo "line $i."; done; echo "all" "told"\n`,
    )
    await window.shows('line 2.')
    const states: (string | undefined)[] = []
    app.sessions.onChange(() => states.push(app.stateOf(id)))
    local.cut()
    writeFileSync(cut, '')
    await window.shows('all told')
    expect(states).toEqual(['reconnecting', 'running'])
    for (let line = 1; line <= 9; line++) expect(window.text.split(`line ${line}.`)).toHaveLength(2)
    expect(window.replays).toHaveLength(1)
    expect(runs(pid)).toBe(true)
  })

  it('is typed once what a lost connection swallowed, and what was typed while there was none', async () => {
    const app = openApp()
    const id = await app.create(['sh', '-c', 'stty -echo; echo begun; exec cat'])
    const window = app.attach(id)
    await window.shows('begun')
    window.type('arrived\n')
    await window.shows('arrived')
    local.freeze()
    window.type('swallowed\n')
    const unblock = local.block()
    local.cut()
    await expect.poll(() => app.stateOf(id), LIMIT).toBe('reconnecting')
    window.type('waiting\n')
    unblock()
    await window.shows('waiting')
    window.type('later\n')
    await window.shows('later')
    expect(window.text.match(/arrived|swallowed|waiting|later/g)).toEqual([
      'arrived',
      'swallowed',
      'waiting',
      'later',
    ])
  })

  it('is typed a large paste once, whenever the connection is lost', async () => {
    const app = openApp()
    const id = await app.create(['sh', '-c', 'stty raw -echo; echo begun; head -c 300000 | sha256sum'])
    const window = app.attach(id)
    await window.shows('begun')
    const states: (string | undefined)[] = []
    app.sessions.onChange(() => states.push(app.stateOf(id)))
    const pieces = Array.from({ length: 100 }, (_, at) => String(at % 10).repeat(3_000))
    for (const [at, piece] of pieces.entries()) {
      window.type(piece)
      if (at % 25 !== 20) continue
      states.length = 0
      local.cut()
      await expect.poll(() => states, LIMIT).toEqual(['reconnecting', 'running'])
    }
    await window.shows(createHash('sha256').update(pieces.join('')).digest('hex'))
  })

  it('is found again by the next Berth, with its screen, its name and its process', async () => {
    const first = openApp()
    const id = await first.create()
    const window = first.attach(id)
    const pid = await pidIn(window)
    await first.rename(id, 'builds')
    window.type('printf "\\033[31mred\\033[0m words\\n"\n')
    await window.shows('red\x1b')
    await first.dispose()
    expect(runs(pid)).toBe(true)

    const second = openApp()
    await expect.poll(() => second.stateOf(id), LIMIT).toBe('running')
    expect(second.sessions.get(id)).toMatchObject({ title: 'builds', command: null })
    const again = second.attach(id)
    await again.shows('[31mred')
    expect(await pidIn(again)).toBe(pid)
    await second.close(id)
    await expect.poll(() => runs(pid), LIMIT).toBe(false)
    expect(second.sessions.list()).toEqual([])
  })

  it('is shown as it was left, and what came after that in the size of its own time', async () => {
    const first = openApp()
    const id = await first.create()
    const window = first.attach(id)
    window.type('seq 1 50000; echo "end" "of it"\n')
    await window.shows('end of it')
    // Nobody but the agent has this size, and what is printed at it.
    await first.dispose()
    const between = openApp()
    await expect.poll(() => between.stateOf(id), LIMIT).toBe('running')
    const other = between.attach(id)
    other.resize(91, 33)
    other.type('until [ "$(stty size)" = "33 91" ]; do sleep 0.05; done; echo "little" "more"\n')
    await other.shows('little more')
    local.cut()
    await between.dispose()

    const second = openApp()
    await expect.poll(() => second.stateOf(id), LIMIT).toBe('running')
    const early = second.attach(id)
    const late = second.attach(id)
    await early.shows('little more')
    await late.shows('little more')
    const [left] = early.replays
    expect(left).toMatchObject({ columns: 80, rows: 24, since: { columns: 91, rows: 33 } })
    expect(textOf(left?.data)).toMatch(/49999\s+50000\s+end of it/)
    expect(textOf(left?.since?.data)).toContain('little more')
    // What the mirror itself has seen.
    const [seen] = late.replays
    expect(seen?.since).toBeUndefined()
    expect(textOf(seen?.data)).toMatch(/49999\s+50000\s+end of it/)
    await pidIn(early)
    await pidIn(late)
  })

  it('is what its workspace is met with, however early the next Berth asks', async () => {
    const first = openApp()
    await first.connected()
    const [{ sessionId: id }, another] = await Promise.all([first.greet(), first.greet()])
    expect(another).toEqual({ sessionId: id })
    await expect.poll(() => first.stateOf(id), LIMIT).toBe('running')
    expect(await first.greet()).toEqual({ sessionId: id })
    await first.dispose()
    const second = openApp()
    expect(second.sessions.list()).toEqual([])
    expect(await second.greet()).toEqual({ sessionId: id })
    expect(second.sessions.list()).toHaveLength(1)
  })

  it('is found again with its screen after very much output, and is not asked old questions', async () => {
    const first = openApp()
    const id = await first.create()
    const window = first.attach(id)
    // A question that the terminal answers: the answer must come once.
    const ask = 'stty -echo -icanon; printf "\\033[c"; dd bs=1 count=7 >/dev/null 2>&1; stty sane'
    window.type(`${ask}; seq 1 700000; echo "last" "line"\n`)
    await window.shows('last line')
    await first.dispose()
    const second = openApp()
    await expect.poll(() => second.stateOf(id), LIMIT).toBe('running')
    const again = second.attach(id)
    await again.shows(/699999\s+700000\s+last line/)
    const pid = await pidIn(again)
    expect(again.text).not.toContain('[?1;2c')
    expect(runs(pid)).toBe(true)
  })

  it('is one terminal for two Berths: what either types both see, and the last size counts for both', async () => {
    const first = openApp()
    const id = await first.create()
    const here = first.attach(id)
    await pidIn(here)
    const second = openApp()
    await expect.poll(() => second.stateOf(id), LIMIT).toBe('running')
    const there = second.attach(id)
    there.type('echo from the "other" side\n')
    await here.shows('from the other side')
    there.resize(93, 31)
    await expect.poll(() => first.sessions.get(id), LIMIT).toMatchObject({ columns: 93, rows: 31 })
    here.type('stty size\n')
    await there.shows('31 93')
    here.resize(101, 33)
    await expect.poll(() => second.sessions.get(id), LIMIT).toMatchObject({ columns: 101, rows: 33 })
    await first.dispose()
    await pidIn(there)
  })

  it('tells how it ended while nobody was there', async () => {
    const first = openApp()
    const id = await first.create(['sh', '-c', 'echo begun; sleep 1; echo over; exit 7'])
    await first.attach(id).shows('begun')
    await first.dispose()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const second = openApp()
    await expect.poll(() => second.sessions.get(id)?.end?.exitCode, LIMIT).toBe(7)
    await second.attach(id).shows('over')
    await second.close(id)
    const third = openApp()
    expect(await third.greet()).not.toEqual({ sessionId: id })
    await expect.poll(() => third.stateOf(id), LIMIT).toBeUndefined()
  })

  it('ends, and says so, when what keeps it was killed', async () => {
    const app = openApp()
    const id = await app.create()
    await pidIn(app.attach(id))
    signalAll(keepers(), 'SIGKILL')
    await expect.poll(() => app.sessions.get(id)?.end?.reason, LIMIT).toBe('connection-lost')
    expect(app.sessions.get(id)?.end?.problem?.code).toBe('not-found')
    // A new one finds a new keeper.
    await pidIn(app.attach(await app.create()))
  })

  it('says what runs in it, beside the shell', async () => {
    const app = openApp()
    const id = await app.create()
    const window = app.attach(id)
    await pidIn(window)
    expect(await app.foreground(id)).toEqual({})
    window.type('sleep 1000\n')
    await expect.poll(() => app.foreground(id), LIMIT).toMatchObject({ process: { name: 'sleep' } })
  })
})
