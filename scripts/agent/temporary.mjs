import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A folder that is there while `work` runs, and is removed even where a signal ends this process.
 * @template T
 * @param {(folder: string) => Promise<T>} work
 * @param {() => void} [before] what else is to be done before the folder goes
 * @returns {Promise<T>}
 */
export async function inTemporaryFolder(work, before = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-agent-build-'))
  const remove = () => {
    before()
    // What was ended just now may still be writing into it.
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  const end = () => process.exit(1)
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once('exit', remove)
  for (const signal of signals) process.once(signal, end)
  try {
    return await work(folder)
  } finally {
    process.off('exit', remove)
    for (const signal of signals) process.off(signal, end)
    remove()
  }
}
