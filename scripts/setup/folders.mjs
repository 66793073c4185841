import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isAlive } from './programs.mjs'

/** The repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Things that can be made again: runtimes, logs of daemons. Shared by all checkouts of a user. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'berth')

/**
 * Where a runtime lies that root made: tests start it as another user, who cannot look into root's home.
 */
export const sharedCache =
  process.platform === 'linux' && process.getuid?.() === 0 ? '/var/cache/berth' : cache

/**
 * Holds off other set-ups of this checkout while `work` runs.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function exclusively(work) {
  const folder = join(root, '.cache', 'setup.lock')
  const owner = join(folder, 'pid')
  mkdirSync(dirname(folder), { recursive: true })
  for (;;) {
    try {
      mkdirSync(folder)
      writeFileSync(owner, String(process.pid))
      break
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error
    }
    if (isAbandoned(folder, owner)) rmSync(folder, { recursive: true, force: true })
    else await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const release = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

/** @param {string} folder @param {string} owner */
function isAbandoned(folder, owner) {
  try {
    return !isAlive(Number(readFileSync(owner, 'utf8')))
  } catch {
    // Between making the folder and writing the pid lie milliseconds, unless its owner died there.
    const made = statSync(folder, { throwIfNoEntry: false })
    return made !== undefined && Date.now() - made.mtimeMs > 10_000
  }
}
