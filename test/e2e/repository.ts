import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { command } from '../harness/command'
import { windowUser } from './launch'

export interface Repository {
  /** `file://…/<name>.git` */
  readonly url: string
  dispose(): Promise<void>
}

/** A bare git repository of this machine with one commit, that the window's user may read. */
export async function makeRepository(
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<Repository> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-repository-'))
  const work = join(folder, 'work')
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(work, path)), { recursive: true })
    await writeFile(join(work, path), text)
  }
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const git = (...args: string[]) => command('git', args, { cwd: work, env })
  await git('init', '--quiet', '--initial-branch=main')
  await git('add', '.')
  await git('-c', 'user.name=Berth', '-c', 'user.email=berth@example.com', 'commit', '--quiet', '-m', 'First')
  const bare = join(folder, `${name}.git`)
  await git('clone', '--quiet', '--bare', '.', bare)
  await command('chmod', ['-R', 'a+rX', folder])
  // git serves a repository only to its owner.
  await (await windowUser()).own(folder)
  return {
    url: pathToFileURL(bare).href,
    dispose: () => rm(folder, { recursive: true, force: true }),
  }
}
