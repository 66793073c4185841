import { randomBytes } from 'node:crypto'
import { chmod, chown, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../../platform/clock'
import { decode, encodingOf } from '../kubeconfig/load'
import { editAuthProvider } from './edit-user'

/** Milliseconds to wait for kubectl, or another Berth, to be done with the file. */
const LOCK_WAIT = 5_000
const LOCK_POLL = 50

/**
 * Puts new values into a user's auth-provider config, in the file that has it, as kubectl does after a renewal: under
 * kubectl's own lock (`<file>.lock`), and by rename, so that nobody ever reads half a file. A symbolic link stays one;
 * owner and mode stay. Rejects with words that hold no secret.
 */
export async function writeBack(
  file: string,
  user: string,
  values: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<void> {
  const real = await realpath(file)
  // kubectl locks the name that it was given.
  const unlock = await lock(`${file}.lock`, clock)
  try {
    const bytes = await readFile(real)
    if (encodingOf(bytes) !== 'utf-8') throw new Error('it is not in UTF-8')
    const edited = editAuthProvider(withMark(bytes), user, values)
    if (edited === undefined) throw new Error('its entry is not written in a way that can be edited in place')
    await replaceFile(real, edited)
  } finally {
    await unlock()
  }
}

/** With the byte order mark, which a decoder would drop. */
function withMark(bytes: Buffer): string {
  const mark = bytes.subarray(0, 3).equals(Buffer.from('\ufeff')) ? '\ufeff' : ''
  return mark + decode(bytes)
}

async function lock(path: string, clock: Clock): Promise<() => Promise<void>> {
  for (let waited = 0; ; waited += LOCK_POLL) {
    try {
      const handle = await open(path, 'wx', 0o600)
      await handle.close()
      return () => rm(path, { force: true })
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST') throw new Error(`its lock cannot be made (${code})`)
      if (waited >= LOCK_WAIT) throw new Error(`another program holds its lock, ${path}`)
      await clock.sleep(LOCK_POLL)
    }
  }
}

async function replaceFile(path: string, content: string): Promise<void> {
  const { mode, uid, gid } = await stat(path)
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`)
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    // Of another owner's file that may be written: the system decides.
    if (process.getuid && uid !== process.getuid()) await chown(temporary, uid, gid)
    await chmod(temporary, mode & 0o777)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new Error(`it cannot be replaced (${(error as NodeJS.ErrnoException).code})`)
  }
}
