import { spawn } from 'node:child_process'
import { chmod, copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { _electron } from 'playwright-core'
import { build } from 'vite'
import { WebSocket } from 'ws'
import { root } from '../../scripts/setup/folders.mjs'
import { type Display, startDisplay } from '../e2e/display'
import { startWindowDocker, type WindowDocker } from '../e2e/engine'
import { type BerthApp, type Home, launchBerth, makeHome, windowUser } from '../e2e/launch'
import { layOutApplication } from '../harness/application'
import { processesOfHome } from '../harness/home-processes'
import { TEST_IMAGES } from '../harness/images'
import { benchName } from './workspace'

/** Lays out the built application for the time of a bench; the environment names it to launch.ts. */
export async function withApplication<T extends { dispose(): Promise<void> }>(
  use: () => Promise<T>,
): Promise<T> {
  const remove = await layOutApplication()
  try {
    const made = await use()
    return {
      ...made,
      dispose: async () => {
        await made.dispose()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Berth's window over an engine of its own, with one running workspace in view. */
export interface BerthWindow {
  readonly berth: BerthApp
  readonly page: Page
  readonly docker: WindowDocker
  /** The workspace's container. */
  readonly container: string
  /** Opens one more terminal and waits for its prompt. */
  openTerminal(): Promise<void>
  dispose(): Promise<void>
}

export async function openBerth(): Promise<BerthWindow> {
  const docker = await startWindowDocker()
  let berth: BerthApp | undefined
  try {
    berth = await launchBerth({ env: docker.env, size: { width: 1280, height: 800 } })
    const { page } = berth
    const name = benchName()
    await page.getByLabel('Git URL, folder or image').fill(TEST_IMAGES.debian)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'New workspace' }).waitFor()
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByRole('button', { name: 'Create workspace' }).click()
    await page.getByRole('status').getByText('Running', { exact: true }).first().waitFor({ timeout: 60_000 })
    await page.getByRole('tab', { name: 'Terminals' }).click()
    const container = (await docker.docker('ps', '--format', '{{.Names}}')).trim()
    const opened = berth
    let terminals = 0
    return {
      berth: opened,
      page,
      docker,
      container,
      async openTerminal() {
        const fresh = page.getByRole('button', { name: 'New terminal' }).first()
        const present = page.locator('.xterm:visible').first()
        await present.or(fresh).first().waitFor()
        if (terminals > 0 || !(await present.isVisible())) await fresh.click()
        terminals += 1
        await page.waitForFunction(() => {
          const screens = [...document.querySelectorAll<HTMLElement>('.xterm')].filter(
            (each) => each.offsetParent,
          )
          return screens.some((screen) =>
            /[$#]\s*$/.test(screen.querySelector('.xterm-rows')?.textContent ?? ''),
          )
        })
      },
      async dispose() {
        await opened.close()
        await docker.dispose()
      },
    }
  } catch (error) {
    await berth?.close()
    await docker.dispose()
    throw error
  }
}

export interface BareWindow {
  readonly page: Page
  readonly home: Home
  dispose(): Promise<void>
}

const bareFolder = join(root, 'test/bench/bare')

/** Copies the bare application to where the window's user can read it; `terminal` makes it the one with xterm. */
export async function layOutBare(home: Home, terminal: boolean): Promise<string> {
  const folder = join(home.path, 'bare')
  await mkdir(folder, { recursive: true })
  await copyFile(join(bareFolder, 'package.json'), join(folder, 'package.json'))
  await copyFile(join(bareFolder, 'main.cjs'), join(folder, 'main.cjs'))
  await copyFile(join(bareFolder, terminal ? 'terminal.html' : 'index.html'), join(folder, 'index.html'))
  if (terminal) {
    await build({
      configFile: false,
      root: bareFolder,
      logLevel: 'warn',
      publicDir: false,
      build: {
        target: 'chrome130',
        outDir: folder,
        emptyOutDir: false,
        reportCompressedSize: false,
        rolldownOptions: {
          input: join(bareFolder, 'terminal.ts'),
          output: { format: 'es', entryFileNames: 'terminal.js', assetFileNames: 'terminal[extname]' },
        },
      },
    })
  }
  await chmod(folder, 0o755)
  await (await windowUser()).own(folder)
  return folder
}

/** The bare application, started as launch.ts starts Berth. */
export async function openBare(terminal: boolean): Promise<BareWindow> {
  const home = await makeHome()
  const display = await startDisplay()
  const cleanUp = async () => {
    await display.dispose()
    await home.dispose()
  }
  try {
    const folder = await layOutBare(home, terminal)
    const app = await _electron.launch({
      executablePath: home.start,
      chromiumSandbox: true,
      args: [...home.held, folder],
      cwd: home.path,
      env: environment(home, display),
    })
    const page = await app.firstWindow()
    return {
      page,
      home,
      dispose: async () => {
        await app.close()
        await cleanUp()
      },
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

function environment(home: Home, display: Display): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    LANG: 'C.UTF-8',
    DISPLAY: display.name,
    HOME: home.path,
    TMPDIR: home.temporary,
  }
}

/**
 * Starts an application without Playwright, which would slow its start down, and asks the page by the DevTools protocol
 * when it painted. Milliseconds from the start of the process to the page's largest paint.
 */
export async function timeToPaint(
  home: Home,
  display: Display,
  folder: string,
  ready: string,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const started = Date.now()
  const child = spawn(home.start, ['--remote-debugging-port=0', folder], {
    cwd: home.path,
    env: { ...environment(home, display), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  try {
    const port = await debuggingPort(child.stderr)
    return (await paintedAt(port, ready)) - started
  } finally {
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(force)
  }
}

function debuggingPort(stderr: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = ''
    stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const match = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(text)
      if (match) resolve(Number(match[1]))
    })
    stderr.on('end', () => reject(new Error(`it ended before its window came:\n${text}`)))
  })
}

/** Waits in the page for what makes it useful, and for the frame that shows it; then asks when that was. */
async function paintedAt(port: number, ready: string): Promise<number> {
  const address = await pageAddress(port)
  const expression = `new Promise((resolve) => {
    const done = () => requestAnimationFrame(() => requestAnimationFrame(() => {
      new PerformanceObserver((list) => {
        const last = list.getEntries().at(-1)
        resolve(performance.timeOrigin + last.startTime)
      }).observe({ type: 'largest-contentful-paint', buffered: true })
    }))
    const look = () => (${ready}) ? done() : setTimeout(look, 5)
    look()
  })`
  const deadline = Date.now() + 60_000
  for (;;) {
    const answer = await evaluate(address, expression)
    if (typeof answer.value === 'number') return answer.value
    // Asked before the page had replaced the empty document that every window begins with.
    const replaced = /navigated|context/i.test(answer.error ?? '')
    if (!replaced || Date.now() > deadline)
      throw new Error(`the page did not tell when it painted: ${JSON.stringify(answer)}`)
  }
}

async function pageAddress(port: number): Promise<string> {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline) {
    const list = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
      type: string
      url: string
      webSocketDebuggerUrl: string
    }[]
    const page = list.find(({ type, url }) => type === 'page' && url !== 'about:blank' && url !== '')
    if (page) return page.webSocketDebuggerUrl
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('no page came')
}

function evaluate(
  address: string,
  expression: string,
): Promise<{ readonly value?: unknown; readonly error?: string }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address)
    socket.once('error', reject)
    socket.once('open', () =>
      socket.send(
        JSON.stringify({
          id: 1,
          method: 'Runtime.evaluate',
          params: { expression, awaitPromise: true, returnByValue: true },
        }),
      ),
    )
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as {
        id?: number
        error?: { message: string }
        result?: { result?: { value?: unknown }; exceptionDetails?: { text: string } }
      }
      if (message.id !== 1) return
      const error = message.error?.message ?? message.result?.exceptionDetails?.text
      resolve({ value: message.result?.result?.value, ...(error === undefined ? {} : { error }) })
      socket.close()
    })
  })
}

/** Proportional set size of all processes that run for a home folder, in megabytes (Linux). */
export async function memoryOf(home: string): Promise<number> {
  let kilobytes = 0
  for (const { pid } of await processesOfHome(home)) {
    try {
      const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
      kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0)
    } catch {
      // It ended meanwhile.
    }
  }
  return kilobytes / 1000
}
