import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as Electron from 'electron'
import { _electron, type ElectronApplication, type Page } from 'playwright-core'
import { ensureTestUser, testUser } from '../../scripts/setup/test-user.mjs'
import { application } from '../harness/application'
import { PATIENCE } from '../harness/bounds'
import { command } from '../harness/command'
import { processesOfHome } from '../harness/home-processes'
import { startDisplay } from './display'

/** Berth as a person has it: the built app in a real window, its renderer sandboxed. */
export interface BerthApp {
  readonly app: ElectronApplication
  readonly page: Page
  /** Its own home folder; files in it belong to the user that the window runs as. */
  readonly home: string
  /** What starts it again as the same user: a path, the application's folder, and the environment. */
  readonly start: string
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** The app's log file so far. */
  log(): string
  /** Quits as the menu does; rejects if a process or temporary file of it is left. Removes the home folder and the display. */
  close(): Promise<void>
}

type Act<Answer> = (electron: typeof Electron, given: unknown) => Answer

/** Now and then V8 gives up an answer that is on its way to Playwright (microsoft/playwright#33737). */
const isGivenUp = (error: unknown) => String(error).includes('garbage collected')

/**
 * Asks Berth's main process something that may be asked twice. Such a question is put again where V8 gave up its answer,
 * and no other failure is passed over.
 */
export async function askMain<Answer, Given>(
  { app }: Pick<BerthApp, 'app'>,
  question: (electron: typeof Electron, given: Given) => Answer,
  given?: Given,
): Promise<Awaited<Answer>> {
  for (;;) {
    try {
      return (await app.evaluate(question as Act<Answer>, given as unknown)) as Awaited<Answer>
    } catch (error) {
      if (!isGivenUp(error)) throw error
    }
  }
}

/** Does something in Berth's main process, once: where V8 gave up its answer it was done all the same. */
export async function tellMain<Given>(
  { app }: Pick<BerthApp, 'app'>,
  act: (electron: typeof Electron, given: Given) => unknown,
  given?: Given,
): Promise<void> {
  try {
    await app.evaluate(act as Act<unknown>, given as unknown)
  } catch (error) {
    if (!isGivenUp(error)) throw error
  }
}

export interface LaunchOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** Absent: one of its own, removed when it closes. */
  readonly home?: Home
  readonly size?: { readonly width: number; readonly height: number }
}

/** Whom the window runs as: an unprivileged user where the tests run as root, else whoever runs the tests. */
export interface WindowUser {
  /** What goes in front of a command line to run it as this user. */
  readonly prefix: readonly string[]
  /** Gives a folder and all that is in it to this user. */
  own(path: string): Promise<void>
}

export async function windowUser(): Promise<WindowUser> {
  if (process.getuid?.() !== 0) return { prefix: [], own: async () => undefined }
  await ensureTestUser()
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (option) => Number(await command('id', [option, testUser]))),
  )
  return {
    prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'],
    own: async (path) => void (await command('chown', ['-R', `${uid}:${gid}`, path])),
  }
}

/**
 * Loaded into the application's process before it: holds it until Playwright, which calls that name, has attached. To one
 * that is opening its first window meanwhile it attaches now and then only in part, and waits for ever.
 */
const gate = `const { app } = require('electron')
const ready = app.whenReady()
let open
const attached = new Promise((resolve) => { open = resolve })
globalThis.__playwright_run = open
app.whenReady = () => attached.then(() => ready)
`

/** A home folder for one or more starts of Berth. */
export interface Home {
  readonly path: string
  /** What goes before the application's folder where Playwright starts it. */
  readonly held: readonly string[]
  /** Starts Electron as the window's user. */
  readonly start: string
  /** What keeps temporary files. */
  readonly temporary: string
  dispose(): Promise<void>
}

/** `settings` are what the user has changed. */
export async function makeHome(settings?: object): Promise<Home> {
  const user = await windowUser()
  const path = await mkdtemp(join(tmpdir(), 'berth-e2e-'))
  const temporary = join(path, 'tmp')
  await mkdir(temporary)
  // Playwright starts one executable: this one becomes the user first.
  const start = join(path, '.start')
  await writeFile(start, `#!/bin/sh\nexec ${[...user.prefix, application().executable].join(' ')} "$@"\n`)
  await chmod(start, 0o755)
  const held = join(path, '.gate.cjs')
  await writeFile(held, gate)
  if (settings) {
    const folder = join(path, '.config/berth')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'settings.json'), JSON.stringify(settings), { mode: 0o600 })
  }
  await chmod(path, 0o755)
  await user.own(path)
  return {
    path,
    start,
    temporary,
    held: ['-r', held],
    dispose: () => rm(path, { recursive: true, force: true }),
  }
}

/** Starts Berth and waits for its first window. */
export async function launchBerth(options: LaunchOptions = {}): Promise<BerthApp> {
  const { folder } = application()
  const own = options.home ?? (await makeHome())
  const { path: home, start, temporary } = own
  const display = await startDisplay()
  const cleanUp = async () => {
    await display.dispose()
    if (!options.home) await own.dispose()
  }
  const env = {
    PATH: process.env.PATH ?? '',
    LANG: 'C.UTF-8',
    DISPLAY: display.name,
    HOME: home,
    TMPDIR: temporary,
    ...options.env,
  }
  let said = ''
  try {
    const app = await _electron.launch({
      executablePath: start,
      chromiumSandbox: true,
      // The window follows the user's theme; Playwright would make every page a light one.
      colorScheme: null,
      args: [...own.held, folder, ...(options.args ?? [])],
      cwd: home,
      env,
      timeout: 60_000,
    })
    const child = app.process()
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-100_000)
      })
    // Of all its windows.
    app.context().setDefaultTimeout(PATIENCE)
    const page = await app.firstWindow({ timeout: PATIENCE })
    if (options.size)
      await tellMain(
        { app },
        ({ BrowserWindow }, { width, height }) =>
          BrowserWindow.getAllWindows()[0]?.setContentSize(width, height),
        options.size,
      )
    return {
      app,
      page,
      home,
      start,
      folder,
      env,
      log: () => readLog(home),
      close: async () => {
        try {
          // Playwright waits for ever for one that has ended by itself.
          if (child.exitCode === null && child.signalCode === null) await app.close()
          const left = await processesOf(home)
          if (left.length > 0) throw new Error(`Berth left processes behind:\n${left.join('\n')}\n${said}`)
          const files = (await readdir(temporary)).filter((name) => name.startsWith('berth-'))
          if (files.length > 0) throw new Error(`Berth left temporary files behind: ${files.join(', ')}`)
        } finally {
          await cleanUp()
        }
      },
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

/** Empty before the first line. */
function readLog(home: string): string {
  const path = join(home, '.config/berth/window/logs/berth.log')
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** What runs for a home folder and does not go. */
export async function processesOf(home: string): Promise<string[]> {
  const deadline = Date.now() + PATIENCE
  for (;;) {
    const found = await processesOfHome(home)
    if (found.length === 0 || Date.now() > deadline)
      return found.map(({ pid, line }) => `${pid} ${line.slice(0, 200)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
