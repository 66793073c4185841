import { cp, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ensureElectron } from '../../scripts/setup/electron.mjs'
import { root } from '../../scripts/setup/folders.mjs'
import { command } from './command'

/** The built application and the runtime that starts it: `executable folder`. */
export interface Application {
  readonly executable: string
  /** Holds package.json, out/ and resources/, and is readable for everybody. */
  readonly folder: string
}

/** What end-to-end tests start; the end-to-end suite's global set-up has laid it out. */
export function application(): Application {
  const executable = process.env.BERTH_TEST_ELECTRON
  const folder = process.env.BERTH_TEST_APPLICATION
  if (!executable || !folder) throw new Error('not within the end-to-end suite: npm run test:e2e')
  return { executable, folder }
}

/**
 * Copies the application out of the checkout, so that a build in the middle of a run changes nothing, and the
 * runtime, too, if it lies where the unprivileged user of the tests cannot look (below a private home).
 * Returns what takes the copies away again.
 */
export async function layOutApplication(): Promise<() => Promise<void>> {
  const runtime = await ensureElectron()
  if ('problem' in runtime) throw new Error(runtime.problem)
  const parent = await mkdtemp(join(tmpdir(), 'berth-application-'))
  const remove = () => rm(parent, { recursive: true, force: true })
  try {
    await command('chmod', ['755', parent])
    const folder = join(parent, 'berth')
    for (const part of ['package.json', 'out', 'resources']) {
      await cp(join(root, part), join(folder, part), { recursive: true })
    }
    let { executable } = runtime
    if (!(await everybodyMayRead(runtime.folder))) {
      await command('cp', ['-a', '--reflink=auto', runtime.folder, join(parent, 'electron')])
      executable = join(parent, 'electron', executable.slice(runtime.folder.length + 1))
    }
    await command('chmod', ['-R', 'a+rX', parent])
    process.env.BERTH_TEST_ELECTRON = executable
    process.env.BERTH_TEST_APPLICATION = folder
    return remove
  } catch (error) {
    await remove()
    throw error
  }
}

async function everybodyMayRead(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode } = await stat(folder)
    if ((mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}
