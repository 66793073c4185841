import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it that are not there, all with `mode`. Rejects with the system's error. Node's own
 * `recursive` never returns where a folder cannot be made although its parent exists and the system says ENOENT, as
 * Linux does below /proc.
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  try {
    await mkdir(path, mode)
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && parent !== path) {
      await makeFolder(parent, mode)
      await mkdir(path, mode).catch((again: unknown) => unlessFolder(path, again))
    } else await unlessFolder(path, error)
  }
}

/** It may have been there all the time, or come from somebody else just now. */
async function unlessFolder(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory()) throw error
}
