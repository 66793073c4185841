// `npm start`: sets up what is missing and opens Berth; `npm start -- <args>` is the berth command line with the same
// set-up. Runs before any dependency is installed: Node built-ins alone.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt } from './setup/built.mjs'
import { ensureDependencies } from './setup/dependencies.mjs'
import { ensureDocker } from './setup/docker.mjs'
import { ensureElectron } from './setup/electron.mjs'
import { root } from './setup/folders.mjs'
import { requireNode } from './setup/node-version.mjs'
import { endWithParent } from './setup/parent.mjs'
import { say } from './setup/say.mjs'
import { ensurePackages, packagesFor } from './setup/system-packages.mjs'

const args = process.argv.slice(2)
const hasDisplay =
  process.platform === 'darwin' ||
  process.platform === 'win32' ||
  Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)

try {
  requireNode()
  endWithParent()
  await ensureDependencies()
  await ensureBuilt()
  if (args.length > 0) {
    if (needsDocker(args)) await prepareDocker()
    await commandLine(args)
  } else if (hasDisplay) {
    await prepareDocker()
    await openWindow()
  } else {
    await prepareDocker()
    say('no display: bringing up the example workspace here. With a display, npm start opens the window.')
    await commandLine(['serve', '--example'])
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

/** @param {string[]} args */
function needsDocker([command, ...rest]) {
  return (
    command !== undefined &&
    !/^(-|help$)/.test(command) &&
    !rest.some((one) => one === '--help' || one === '-h')
  )
}

async function prepareDocker() {
  const { started } = await ensureDocker()
  if (started) {
    say(
      `Docker runs now and goes on when Berth ends, since workspaces live in it. To stop it: kill ${started.pid}`,
    )
  }
}

/** The command line in this very process, so that signals, stdin and exit code are its own. @param {string[]} args */
async function commandLine(args) {
  const entry = join(root, 'out/cli/berth.js')
  process.argv.splice(1, process.argv.length - 1, entry, ...args)
  // Hints it prints name the command as it was called here.
  process.env.BERTH_COMMAND ??= 'npm start --'
  await import(pathToFileURL(entry).href)
}

async function openWindow() {
  if (process.platform === 'linux') await ensurePackages(packagesFor.window, 'the window')
  const runtime = await ensureElectron()
  if ('problem' in runtime) {
    say(runtime.problem)
    say('The command line works without it: npm start -- --help')
    process.exitCode = 1
    return
  }
  const flags = []
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    say(
      'as root the window runs without its sandbox, since Chromium refuses it to root: better start it as a user',
    )
    flags.push('--no-sandbox')
  }
  const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env
  const child = spawn(runtime.executable, [...flags, root], { stdio: 'inherit', env })
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => child.kill(signal))
  }
  process.exitCode = await new Promise((resolve) => {
    child.once('error', (error) => {
      say(`${runtime.executable} does not start: ${error.message}`)
      resolve(1)
    })
    child.once('exit', (code, signal) =>
      resolve(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1)),
    )
  })
}
