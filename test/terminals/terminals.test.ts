import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { HIGH_WATER, ProblemError, type Workspace } from '#contract'
import { command } from '../harness/command'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { startEngine, type TestEngine } from '../ports/engine'
import { TestWindow, type TestWindowOptions } from './window'

let test: TestEngine
let workspace: Workspace
const windows: TestWindow[] = []

/** 200 MB as a build prints them: colours, counters, wide characters. */
const makeLog = `python3 - <<'END'
line = "".join(
    f"\\x1b[3{i % 8}m[{i:07d}] building target {i * 7919 % 100003} ok\\x1b[0m \\u6f22\\u5b57 \\u2713\\r\\n"
    for i in range(20000)
).encode()
with open("/tmp/log", "wb") as out:
    written = 0
    while written < 200_000_000:
        out.write(line)
        written += len(line)
END`

async function session(commandLine?: string[]): Promise<string> {
  const { sessionId } = await test.engine.call('sessions.create', {
    workspaceId: workspace.id,
    columns: 80,
    rows: 24,
    ...(commandLine ? { command: commandLine } : {}),
  })
  return sessionId
}

function look(sessionId: string, options?: TestWindowOptions): TestWindow {
  const window = new TestWindow(test.engine, sessionId, options)
  windows.push(window)
  return window
}

/** A shell at its prompt. */
async function shell(options?: TestWindowOptions) {
  const id = await session()
  const window = look(id, options)
  await window.until('a prompt', () => /[$#] $/.test(window.text))
  return { id, window }
}

const record = (id: string) => test.engine.collections.sessions.get(id)

const ways = [
  { name: 'that its workspace keeps', keeps: true },
  { name: 'that ends with Berth', keeps: false },
]

describe.each(ways)('a terminal $name', ({ keeps }) => {
  beforeAll(async () => {
    await ensureImages(['debian', 'alpine'])
    test = await startEngine({}, undefined, keeps)
    workspace = await test.create({ source: { kind: 'image', image: TEST_IMAGES.debian } })
    await test.run(workspace.id, 'sh', '-c', makeLog)
  })
  afterEach(async () => {
    for (const window of windows.splice(0)) window.close()
    // Those of a workspace that was deleted are just being closed, and are listed until then.
    for (const { id } of test.engine.collections.sessions.list())
      await test.engine.call('sessions.close', { sessionId: id }).catch((error: unknown) => {
        if (!(error instanceof ProblemError && error.problem.code === 'not-found')) throw error
      })
  })
  afterAll(() => test?.dispose())

  it('is the login shell of the user, in the workspace folder, with a true terminal', async () => {
    const { window } = await shell({ columns: 100, rows: 30 })
    // The size goes to the engine on a way of its own, and a busy one is slower with it than with what is typed.
    window.type('until [ "$(stty size)" = "30 100" ]; do sleep 0.1; done\r')
    window.type(
      'echo "$TERM $COLORTERM $(id -un) $PWD $(stty size) $(tty)"; shopt -q login_shell && echo login\r',
    )
    await window.until('the answer', () => /\nlogin\r\n/.test(window.text))
    expect(window.text).toContain(
      `xterm-256color truecolor ${workspace.user.name} ${workspace.definition.workspaceFolder} 30 100 /dev/pts/`,
    )
    window.resize(70, 20)
    window.type('until [ "$(stty size)" = "20 70" ]; do sleep 0.1; done; echo has""it\r')
    await window.until('the new size', () => window.text.includes('hasit'))
  })

  it('brings 200 MB to a slow reader, byte for byte, and holds little of it', async () => {
    const whole = '(printf ready; cat /tmp/log) | sha256sum'
    const expected = (await test.run(workspace.id, 'sh', '-c', whole)).split(' ')[0]
    const id = await session(['sh', '-c', 'stty raw -echo; printf ready; read -r go; cat /tmp/log'])
    const window = look(id, { shows: false, delay: 1 })
    // What is typed before it says so is echoed.
    await window.until('its beginning', () => window.text === 'ready')
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }, 100)
    const started = performance.now()
    window.type('go\n')
    await window.until('the end', () => window.end !== undefined, 170_000)
    clearInterval(watch)
    const seconds = (performance.now() - started) / 1000
    console.log(
      `200 MB in ${seconds.toFixed(1)} s, at most ${(most / 1e6).toFixed(0)} MB of buffers, ${window.mostUnread} bytes unread`,
    )
    expect(window.hash.digest('hex')).toBe(expected)
    expect(window.mostUnread).toBeLessThanOrEqual(HIGH_WATER)
    expect(window.end).toMatchObject({ reason: 'exited', exitCode: 0 })
    expect(most).toBeLessThan(64_000_000)
  })

  it('answers Control-C while it is flooded, with little left to read before the prompt', async () => {
    const { window } = await shell()
    const times: number[] = []
    const late: number[] = []
    for (let round = 0; round < 12; round++) {
      const flooded = window.received + 3_000_000
      window.type(round % 2 === 0 ? 'yes\r' : 'cat /tmp/log\r')
      await window.until('a flood', () => window.received > flooded)
      const pressed = performance.now()
      const before = window.received
      window.type('\x03')
      await window.until('a prompt', () => /\^C[^\n]*\n[^\n]*[$#] $/.test(window.text.slice(-300)))
      times.push(performance.now() - pressed)
      late.push(window.received - before)
    }
    console.log(`Control-C to prompt: ${times.map((time) => time.toFixed(0)).join(' ')} ms`)
    console.log(`bytes before the prompt: ${late.join(' ')}`)
    // The engine itself holds a megabyte; the rest is what is read until the signal has arrived. Buffers without a
    // bound would hold the many megabytes by which the program is ahead.
    expect(Math.max(...late)).toBeLessThan(4_000_000)
  })

  it('comes back exactly, whenever a window joins', async () => {
    const { id, window: witness } = await shell()
    const scripts = [
      `printf '\\e[31mred \\e[1;44mbold\\e[0m \\e[4:3mcurly\\e[0m 漢字 👍🏽 e\\u0301\\n'`,
      'for i in $(seq 200); do printf "\\e[38;5;%dmline %d\\e[0m\\n" $i $i; done',
      'ls --color=always -la /usr/bin | tail -40',
      `printf '\\e[?1049h\\e[2J\\e[H\\e[7mtop\\e[0m\\e[5;20r\\e[10;10Hin the middle\\e[?25l\\e[?1002h\\e[?1006h'`,
      `printf '\\e[?25h\\e[?1002l\\e[?1006l\\e[r\\e[?1049l'`,
      'echo $(seq 500)',
      'less /etc/services',
    ]
    for (const script of scripts) {
      witness.type(`${script}\r`)
      await settle(witness)
      const joiner = look(id)
      await joiner.until('its screen', () => joiner.replays > 0)
      await settle(witness)
      expect(joiner.state, script).toEqual(witness.state)
      witness.type(script.startsWith('less') ? ' ' : '\r')
      await settle(witness)
      expect(joiner.state, `${script}, and on`).toEqual(witness.state)
      joiner.close()
    }
    witness.type('q')
  })

  it('comes back exactly in the middle of a flood', async () => {
    const { id, window: witness } = await shell()
    witness.type('head -c 6000000 /tmp/log; echo; echo fin""ished\r')
    const joiners: TestWindow[] = []
    for (const share of [0.5, 1.5, 3, 4.5]) {
      await witness.until('more', () => witness.received > share * 1_000_000)
      joiners.push(look(id))
    }
    for (const window of [witness, ...joiners])
      await window.until('the end', () => window.lines.includes('finished'))
    await settle(witness)
    for (const joiner of joiners) expect(joiner.state).toEqual(witness.state)
  })

  it('goes on without windows', async () => {
    const { id, window } = await shell()
    window.type('sleep 0.3; cat /tmp/log | head -c 5000000 >/dev/tty; echo do""ne\r')
    await window.until('the echo', () => window.text.includes('sleep'))
    window.close()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const back = look(id)
    await back.until('what happened meanwhile', () => back.lines.some((line) => line.includes('done')))
  })

  it('has two windows of one mind', async () => {
    const { id, window: first } = await shell()
    const second = look(id)
    await second.until('its screen', () => second.replays > 0)
    second.type('echo from-second\r')
    await first.until('what the other typed', () => first.lines.includes('from-second'))
    first.type('echo from-first\r')
    await second.until('what the other typed', () => second.lines.includes('from-first'))
    await settle(first)
    expect(second.state).toEqual(first.state)
    // A program's question is answered once, not once per window.
    // Where it comes before `read` it is echoed: the count has a line of its own.
    first.type(
      `printf '\\e[6n'; IFS= read -rsd R -t 60 a; IFS= read -rsd R -t 0.5 b; echo; echo "<\${#b}>"\r`,
    )
    await first.until('the count of further answers', () => first.lines.includes('<0>'))
  })

  describe('its end', () => {
    it('tells the exit code', async () => {
      const { id, window } = await shell()
      window.type('exit 7\r')
      await window.until('the end', () => window.end !== undefined)
      expect(window.end).toMatchObject({ reason: 'exited', exitCode: 7 })
      expect(record(id)).toMatchObject({ state: 'ended', end: { exitCode: 7 } })
      const late = look(id)
      await late.until('the end', () => late.end !== undefined)
      expect(late.lines.some((line) => line.includes('exit 7'))).toBe(true)
    })

    it('says what could not be started', async () => {
      const id = await session(['/no/such/program'])
      const window = look(id)
      await window.until('the end', () => window.end !== undefined)
      expect(
        window.end?.reason === 'failed' || window.end?.exitCode === 127 || window.end?.exitCode === 126,
      ).toBe(true)
      expect(window.end?.message).not.toBe('')
    })

    it.each(['debian', 'alpine'] as const)('tells what would end with it in %s', async (image) => {
      const place =
        image === 'debian'
          ? workspace
          : await test.create({ source: { kind: 'image', image: TEST_IMAGES[image] } })
      const { sessionId } = await test.engine.call('sessions.create', {
        workspaceId: place.id,
        columns: 80,
        rows: 24,
      })
      const window = look(sessionId)
      // The editor of busybox asks where the cursor is.
      const printed = () => window.text.replaceAll('\x1b[6n', '')
      await window.until('a prompt', () => /[$#] $/.test(printed()))
      const foreground = async () =>
        (await test.engine.call('sessions.foreground', { sessionId })).process?.command
      expect(await foreground(), 'at the prompt').toBeUndefined()
      window.type('sleep 1000 &\r')
      window.type('sh -c "echo up; sleep 2000; true"\r')
      await window.until('the job', () => /[\r\n]up\r\n/.test(window.text))
      // What answers is there a moment after the workspace.
      await expect.poll(foreground).toBe('sh -c echo up; sleep 2000; true')
      window.type('\x03')
      await window.until('a prompt', () => /\^C[\s\S]*[$#] $/.test(printed()))
      expect(await foreground(), 'with a job in the background').toBeUndefined()
      if (image !== 'debian') await test.act('delete', place.id)
    })

    it('takes the processes with it when the terminal is closed', async () => {
      const { id, window } = await shell()
      window.type('sleep 7654321\r')
      await window.until('the echo', () => window.text.includes('sleep'))
      const count = async () =>
        (await test.run(workspace.id, 'sh', '-c', 'pgrep -cf "^sleep 7654321" || true')).trim()
      await waitUntil(async () => (await count()) === '1')
      await test.engine.call('sessions.close', { sessionId: id })
      expect(record(id)).toBeUndefined()
      await waitUntil(async () => (await count()) === '0')
      expect(window.end?.reason).toBe('closed')
    })

    it('is the workspace’s end when that is killed with plain docker, and terminals work again afterwards', async () => {
      const { id, window } = await shell()
      await command('docker', ['kill', workspace.instance ?? ''])
      await window.until('the end', () => window.end !== undefined)
      expect(window.end).toMatchObject({ reason: 'workspace-stopped', message: 'The workspace stopped.' })
      expect(record(id)?.state).toBe('ended')
      await expect(session()).rejects.toMatchObject({ problem: { code: 'workspace-not-running' } })
      await waitUntil(async () => test.engine.collections.workspaces.get(workspace.id)?.state === 'stopped')
      await test.act('start', workspace.id)
      await shell()
    })

    it('is the workspace’s end when that is stopped', async () => {
      const { window } = await shell()
      await test.act('stop', workspace.id)
      await window.until('the end', () => window.end !== undefined)
      expect(window.end?.reason).toBe('workspace-stopped')
      await test.act('start', workspace.id)
      await shell()
    })
  })
})

/** Nothing has come for a while. */
async function settle(window: TestWindow): Promise<void> {
  let last = -1
  while (last !== window.received) {
    last = window.received
    await new Promise((resolve) => setTimeout(resolve, 400))
  }
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition).toBe(true)
}
