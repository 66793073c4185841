import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Takes out of a clone what tells who made it, and where: git's logs name the person of this machine's configuration.
 * Submodules have logs of their own.
 */
export async function forgetMaker(clone: string): Promise<void> {
  await forget(join(clone, '.git'))
}

async function forget(repository: string): Promise<void> {
  await rm(join(repository, 'logs'), { recursive: true, force: true })
  await rm(join(repository, 'FETCH_HEAD'), { force: true })
  await within(join(repository, 'modules'))
}

/** A submodule's repository lies where its name says, which may have slashes. */
async function within(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isDirectory()) continue
    const inner = join(folder, entry.name)
    const isRepository = (await readdir(inner).catch((): string[] => [])).includes('HEAD')
    await (isRepository ? forget(inner) : within(inner))
  }
}
