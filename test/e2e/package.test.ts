import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { readBinary, readManifest } from '../../main/engine/link/agent/binaries'
import { root } from '../../scripts/setup/folders.mjs'
import { application } from '../harness/application'
import { command, tryCommand } from '../harness/command'
import { type Display, startDisplay } from './display'
import { processesOf, type WindowUser, windowUser } from './launch'

// The directory form, made offline as `npm run package` makes it, and started once as a user would.

/** With what the application is started where nobody is to see it. */
const silent = ['--ozone-platform=headless', '--disable-gpu', '--log-level=3']

let folder: string
let home: string
let executable: string
let user: WindowUser
let display: Display

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-package-'))
  await chmod(folder, 0o755)
  const runtime = join(application().executable, '..')
  await command(process.execPath, [join(root, 'scripts/package.mjs'), runtime, join(folder, 'dist')], {
    timeoutMilliseconds: 240_000,
  })
  executable = join(folder, 'dist/linux-unpacked/berth')
  user = await windowUser()
  home = join(folder, 'home')
  await mkdir(home)
  await user.own(home)
  display = await startDisplay()
})
afterAll(async () => {
  await display?.dispose()
  if (folder) await rm(folder, { recursive: true, force: true })
})

/** Starts the packaged application as the user of the tests. */
function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const [program = '', ...rest] = [...user.prefix, executable, ...args]
  return spawn(program, rest, {
    cwd: home,
    env: { PATH: process.env.PATH ?? '', HOME: home, DISPLAY: display.name, LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** What the process has written once it contains `text`, or all of it once the process has ended. */
function outputUntil(child: ChildProcess, text: RegExp): Promise<string> {
  let said = ''
  return new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (text.test(said)) resolve(said)
      })
    }
    child.once('close', () => resolve(said))
  })
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM')
    await ended
  }
}

/**
 * Waits until the first window's page is complete. Playwright that attaches while it is just being opened attaches in
 * part, and waits for ever; the package, unlike what the other tests start, cannot be held until it has.
 */
async function pageHasLoaded(host: string): Promise<void> {
  for (;;) {
    const targets = (await (await fetch(`http://${host}/json/list`)).json()) as readonly {
      readonly type: string
      readonly url: string
      readonly webSocketDebuggerUrl: string
    }[]
    const page = targets.find(({ type, url }) => type === 'page' && url.startsWith('app://'))
    if (page && (await readyState(page.webSocketDebuggerUrl)) === 'complete') return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function readyState(address: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address)
    socket.once('error', reject)
    socket.once('open', () =>
      socket.send(
        JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: 'document.readyState' } }),
      ),
    )
    socket.once('message', (data) => {
      resolve(
        (JSON.parse(String(data)) as { result?: { result?: { value?: unknown } } }).result?.result?.value,
      )
      socket.close()
    })
  })
}

describe('the package', () => {
  it('starts, shows its window over app://, and ends without leaving a process', async () => {
    const child = start(['--remote-debugging-port=0'])
    let browser: Browser | undefined
    try {
      const said = await outputUntil(child, /DevTools listening on (ws:\S+)/)
      const [, address] = /DevTools listening on (ws:\S+)/.exec(said) ?? []
      if (!address) throw new Error(`The package did not start:\n${said}`)
      await pageHasLoaded(new URL(address).host)
      browser = await chromium.connectOverCDP(address)
      const page = await firstPage(browser)
      expect(page.url()).toMatch(/^app:\/\//)
      await page.getByRole('heading').first().waitFor()
      const info = await page.evaluate(() => window.berth.shell.call('shell.info', {}))
      expect(info).toMatchObject({ ok: true, value: { platform: 'linux' } })
    } finally {
      await browser?.close()
      await end(child)
    }
    expect(await processesOf(home)).toEqual([])
  })

  it('is no Node, takes no NODE_OPTIONS and opens no inspector', async () => {
    const child = start(['-e', 'console.log("i am node")', '--inspect=0', '--remote-debugging-port=0'], {
      ELECTRON_RUN_AS_NODE: '1',
      NODE_OPTIONS: '--require=/nonexistent/hook.cjs',
    })
    try {
      const output = await outputUntil(child, /DevTools listening on/)
      expect(output).toContain('DevTools listening on')
      expect(output).not.toContain('i am node')
      expect(output).not.toContain('Debugger listening on')
      expect(output).not.toContain('/nonexistent/hook.cjs')
    } finally {
      await end(child)
    }
  })

  it('is the command line as well, without a display and without a word of its own', async () => {
    const run = async (...args: string[]) => {
      const [program = '', ...rest] = [...user.prefix, executable]
      return tryCommand(program, [...rest, ...silent, '--command-line', ...args], {
        cwd: home,
        env: { PATH: process.env.PATH ?? '', HOME: home, LANG: 'C.UTF-8' },
      })
    }
    const version = await run('--version')
    expect([version.code, version.stdout, version.stderr]).toEqual([0, '0.1.0\n', ''])
    expect((await run('no-such-command')).code).toBe(2)

    const shown = await run('ssh-config', 'show', '--json')
    const { text } = JSON.parse(shown.stdout) as { text: string }
    expect(text).toContain(
      `ProxyCommand '${executable}' ${silent.map((flag) => `'${flag}'`).join(' ')} '--command-line' 'ssh-proxy' '%n'`,
    )
    // As OpenSSH runs it.
    const proxy = await run('ssh-proxy', 'no-such.berth')
    expect([proxy.code, proxy.stdout]).toEqual([1, ''])
    expect(proxy.stderr).toContain('There is no workspace “no-such.berth”')
    expect(await processesOf(home)).toEqual([])
  })

  it('has the agent for workspaces, as it was built', async (context) => {
    const committed = join(root, 'resources')
    context.skip(!existsSync(join(committed, 'agent/manifest.json')), 'the agent is not built yet')
    const shipped = join(folder, 'dist/linux-unpacked/resources/resources')
    const manifest = await readManifest(shipped)
    expect(manifest).toEqual(await readManifest(committed))
    for (const architecture of ['amd64', 'arm64'] as const) {
      const { sha256 } = await readBinary(shipped, architecture)
      expect(sha256).toBe(manifest.binaries[architecture].sha256)
    }
  })

  it('has the fuses of a release', () => {
    const read = execFileSync(
      process.execPath,
      [join(root, 'node_modules/@electron/fuses/dist/bin.js'), 'read', '--app', executable],
      { encoding: 'utf8' },
    )
    for (const line of [
      'RunAsNode is Disabled',
      'EnableNodeOptionsEnvironmentVariable is Disabled',
      'EnableNodeCliInspectArguments is Disabled',
      'EnableEmbeddedAsarIntegrityValidation is Enabled',
      'OnlyLoadAppFromAsar is Enabled',
      'GrantFileProtocolExtraPrivileges is Disabled',
    ]) {
      expect(read).toContain(line)
    }
  })
})

/** A window may not be there yet when the browser answers. */
async function firstPage(browser: Browser): Promise<Page> {
  const [context] = browser.contexts()
  if (!context) throw new Error('no browser context')
  return context.pages()[0] ?? context.waitForEvent('page')
}
