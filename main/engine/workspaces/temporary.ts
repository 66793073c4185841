import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Platform } from '../platform/platform'
import { isAlive, thisProcess } from '../platform/process-identity'
import { writingTo } from './writable'

const prefix = 'berth-'
const form = /^berth-(\d+)-(\d*)-/

/** Gives `use` a folder that is gone afterwards, however it ends. Its name tells whose it is. */
export async function withTemporaryFolder<T>(
  platform: Platform,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const { pid, start } = thisProcess()
  const { temporary } = platform.folders
  const folder = await writingTo(temporary, 'TMPDIR', () =>
    mkdtemp(join(temporary, `${prefix}${pid}-${start}-`)),
  )
  try {
    return await use(folder)
  } finally {
    await removeFolder(folder, platform)
  }
}

async function removeFolder(folder: string, platform: Platform): Promise<void> {
  try {
    // A program that was just told to end may still be writing: hence the retries.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  } catch (error) {
    platform.logger.warn('A temporary folder could not be removed', { folder, error: String(error) })
  }
}

/** Removes temporary folders of Berth processes that ended without doing so themselves. */
export async function sweepTemporaryFolders(platform: Platform): Promise<void> {
  const names = await readdir(platform.folders.temporary).catch(() => [])
  for (const name of names) {
    const match = form.exec(name)
    if (!match || isAlive({ pid: Number(match[1]), start: match[2] ?? '' })) continue
    await removeFolder(join(platform.folders.temporary, name), platform)
  }
}
