import { chmod, lstat, mkdir, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { cancelled, type NewRepository, problem } from '#contract'
import type { Platform } from '../platform/platform'
import { plainGitEnvironment } from '../workspaces/git'
import { gitProblem } from '../workspaces/git-problems'
import type { Rendering } from './render'

/**
 * Writes a rendering into a new or empty folder and makes a git repository of it. All is made in a folder inside, and
 * moved to its place at the end; whatever fails before leaves the machine as it was.
 */
export async function makeRepository(
  platform: Platform,
  typed: string,
  rendering: Rendering,
  message: string,
  signal: AbortSignal,
): Promise<NewRepository> {
  const folder = absolute(typed, platform.folders.home)
  const made = await makeEmpty(folder)
  const moved: string[] = []
  let staging: string | undefined
  try {
    staging = await mkdtemp(join(folder, '.berth-new-'))
    await writeEntries(staging, rendering, signal)
    const committed = await commitAll(platform, staging, message, signal)
    if (signal.aborted) throw cancelled('Making the repository')
    for (const name of (await readdir(staging)).sort()) {
      if (await lstat(join(folder, name)).catch(() => undefined)) throw notEmpty(folder, name)
      moved.push(join(folder, name))
      await rename(join(staging, name), join(folder, name))
    }
    await rm(staging, { recursive: true, force: true })
    return {
      folder,
      files: rendering.entries.map(({ path }) => path),
      leftOut: [...rendering.leftOut],
      ...committed,
    }
  } catch (error) {
    for (const path of moved) await rm(path, { recursive: true, force: true }).catch(() => undefined)
    if (staging) await rm(staging, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined)
    // Only if they are empty, as they are unless somebody else has used them meanwhile.
    for (const path of made.reverse()) await removeEmpty(path)
    throw told(error, folder)
  }
}

function absolute(typed: string, home: string): string {
  const path = typed === '~' || /^~[/\\]/.test(typed) ? join(home, typed.slice(1)) : typed
  if (isAbsolute(path) && !path.includes('\0')) return resolve(path)
  throw problem({
    code: 'invalid-input',
    title: 'This is no folder',
    cause: 'A path from the root of the file system is needed, or one that begins with ~/.',
    remedy: 'Write, for example, ~/projects/app.',
  })
}

/** Makes the folder unless it is there and empty; returns the folders that it has made, the outermost first. */
async function makeEmpty(folder: string): Promise<string[]> {
  const made: string[] = []
  try {
    const missing: string[] = []
    for (let path = folder; !(await lstat(path).catch(unlessMissing)); path = dirname(path))
      missing.unshift(path)
    for (const path of missing) {
      await mkdir(path)
      made.push(path)
    }
    const [first] = await readdir(folder)
    if (first !== undefined) throw notEmpty(folder, first)
    return made
  } catch (error) {
    for (const path of made.reverse()) await removeEmpty(path)
    throw told(error, folder)
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined)
}

async function writeEntries(folder: string, { entries }: Rendering, signal: AbortSignal): Promise<void> {
  for (const { path, bytes, executable } of entries) {
    if (signal.aborted) throw cancelled('Making the repository')
    const file = join(folder, ...path.split('/'))
    await mkdir(dirname(file), { recursive: true })
    // Two names that this file system takes for one are a mistake, and not a reason to overwrite.
    await writeFile(file, bytes, { flag: 'wx' })
    if (executable) await chmod(file, 0o755)
  }
}

async function commitAll(
  platform: Platform,
  folder: string,
  message: string,
  signal: AbortSignal,
): Promise<Pick<NewRepository, 'commit' | 'uncommitted'>> {
  const env = { ...plainGitEnvironment(platform.env), GIT_TERMINAL_PROMPT: '0' }
  // Hooks that the user's own template of repositories brings along stay for later commits. A signature may ask for a
  // password that nobody is there to type.
  const settings = ['core.hooksPath=/dev/null', 'commit.gpgSign=false', 'user.useConfigOnly=true']
  const options = ['-C', folder, ...settings.flatMap((one) => ['-c', one])]
  const git = async (...args: readonly string[]) => {
    const result = await platform.processes.run('git', [...options, ...args], { env, signal, group: true })
    if (signal.aborted) throw cancelled('Making the repository')
    return result
  }
  const must = async (...args: readonly string[]) => {
    const result = await git(...args)
    if (result.code !== 0) throw gitProblem(folder, result)
    return result.stdout.trim()
  }
  await must('init', '--quiet')
  // `init -b` is younger than some gits.
  await must('symbolic-ref', 'HEAD', 'refs/heads/main')
  await must('add', '--all', '--force')
  const [author, committer] = [await git('var', 'GIT_AUTHOR_IDENT'), await git('var', 'GIT_COMMITTER_IDENT')]
  if (author.code !== 0 || committer.code !== 0)
    return { uncommitted: 'Git knows no name and e-mail address of yours, so nothing is committed yet.' }
  await must('commit', '--quiet', '--message', message)
  return { commit: await must('rev-parse', 'HEAD') }
}

function notEmpty(folder: string, name: string) {
  return problem({
    code: 'file-exists',
    title: `${folder} is not empty`,
    cause: `There is ${name} in it, for example. Nothing is overwritten.`,
    remedy: 'Name a new folder, or an empty one.',
  })
}

/** What the system says, as a Problem. */
function told(error: unknown, folder: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === undefined || !/^E[A-Z]+$/.test(code)) return error
  if (code === 'EEXIST' || code === 'ENOTDIR')
    return problem(
      {
        code: 'file-exists',
        title: `${folder} cannot be made`,
        cause: message,
        remedy: 'Name a new folder, or an empty one.',
      },
      error,
    )
  return problem(
    {
      code: code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'permission-denied',
      title: `${folder} could not be written`,
      cause: message,
      remedy: 'Check that you may write there, and that there is room.',
    },
    error,
  )
}
