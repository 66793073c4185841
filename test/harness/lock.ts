import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs `use` while no other test process of this machine holds the lock of that name. A dead holder's lock is taken over. */
export async function withLock<T>(name: string, use: () => Promise<T>): Promise<T> {
  const folder = join(tmpdir(), `${name}.lock`)
  const owner = join(folder, 'pid')
  for (;;) {
    try {
      await mkdir(folder)
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (await holderIsGone(folder)) await rm(folder, { recursive: true, force: true })
    else await new Promise((resolve) => setTimeout(resolve, 200))
  }
  try {
    await writeFile(owner, String(process.pid))
    return await use()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function holderIsGone(folder: string): Promise<boolean> {
  let pid: number
  try {
    pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
  } catch {
    // Between making the folder and writing the pid lie milliseconds, unless the holder died there.
    const made = await stat(folder).catch(() => undefined)
    return made !== undefined && Date.now() - made.mtimeMs > 10_000
  }
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
