import { lstat, readdir, readFile } from 'node:fs/promises'
import createIgnore, { type Ignore } from 'ignore'
import { cancelled, problem } from '#contract'
import type { Platform } from '../../platform/platform'
import { plainGitEnvironment } from '../git'

/** What of a folder is taken, as it is found: never more than a few names at once. */
export interface Selection {
  /** Parents come with what lies in them. Rejects with a `git-failed` Problem, and when it is aborted. */
  entries(signal: AbortSignal): AsyncGenerator<Selected>
}

export interface Selected {
  /** Below the folder, byte for byte, without a slash at either end. */
  readonly path: Buffer
  /** Everything in it, too, where it is a folder. */
  readonly whole: boolean
}

/**
 * All but what git ignores, with `.git` itself. Where the folder is in a repository and git is there, git says what
 * that is; else the `.gitignore` files do.
 */
export async function selectUnignored(
  platform: Platform,
  folder: string,
  signal: AbortSignal,
): Promise<Selection> {
  const asked = await platform.processes.run('git', ['-C', folder, 'rev-parse', '--is-inside-work-tree'], {
    env: plainGitEnvironment(platform.env),
    signal,
  })
  if (signal.aborted) throw cancelled('Reading the folder')
  const root = Buffer.from(folder)
  return asked.stdout.trim() === 'true'
    ? { entries: (stop) => listedByGit(platform, root, Buffer.alloc(0), stop) }
    : { entries: (stop) => unruled(root, Buffer.alloc(0), [], stop) }
}

const SLASH = 0x2f
const dotGit = Buffer.from('.git')

export function joinBytes(folder: Buffer, name: Buffer): Buffer {
  return folder.length === 0 ? name : Buffer.concat([folder, Buffer.from('/'), name])
}

/** What is tracked, though it be ignored, and what is neither tracked nor ignored. */
async function* listedByGit(
  platform: Platform,
  root: Buffer,
  below: Buffer,
  signal: AbortSignal,
): AsyncGenerator<Selected> {
  const folder = below.length === 0 ? root : joinBytes(root, below)
  if (await exists(joinBytes(folder, dotGit))) yield { path: joinBytes(below, dotGit), whole: true }
  let last: Buffer | undefined
  for await (const listed of lsFiles(platform, folder, signal)) {
    // A file in conflict is listed once for each of its sides.
    if (last?.equals(listed)) continue
    last = listed
    const isNested = listed.at(-1) === SLASH
    const path = joinBytes(below, isNested ? listed.subarray(0, -1) : listed)
    const stats = await lstat(joinBytes(root, path)).catch(() => undefined)
    // Deleted here, and tracked all the same.
    if (!stats) continue
    const isRepository = stats.isDirectory() && (await exists(joinBytes(joinBytes(root, path), dotGit)))
    yield { path, whole: false }
    // A submodule, or a repository that the outer one knows nothing of.
    if (isRepository) yield* listedByGit(platform, root, path, signal)
  }
}

async function* lsFiles(platform: Platform, folder: Buffer, signal: AbortSignal): AsyncGenerator<Buffer> {
  const git = platform.processes.spawn(
    'git',
    // The configuration of a repository could name programs to run.
    ['-c', 'core.fsmonitor=false', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: folder.toString(), env: plainGitEnvironment(platform.env), signal, group: true },
  )
  git.stdin.end()
  let said = ''
  git.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4096)
  })
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of git.stdout) {
      rest = Buffer.concat([rest, chunk as Buffer])
      let from = 0
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, from)) {
        yield rest.subarray(from, end)
        from = end + 1
      }
      rest = rest.subarray(from)
    }
    const { code, error } = await git.exit
    if (signal.aborted) throw cancelled('Reading the folder')
    if (code !== 0) {
      throw problem({
        code: 'git-failed',
        title: 'The folder could not be listed',
        cause: `git did not say what it ignores: ${said.trim().split('\n', 1)[0] || (error?.message ?? `it ended with code ${code}`)}`,
        remedy: 'Run `git status` in the folder, or copy it whole.',
        detail: said,
      })
    }
  } finally {
    git.kill()
  }
}

/** The rules of one folder, for what lies anywhere below it. */
interface Rules {
  /** Bytes of a path that stand before what the rules speak of. */
  readonly from: number
  readonly ignore: Ignore
}

/** By the `.gitignore` files alone (gitignore(5)): the deepest that has something to say decides. */
async function* unruled(
  root: Buffer,
  below: Buffer,
  outer: readonly Rules[],
  signal: AbortSignal,
): AsyncGenerator<Selected> {
  const folder = below.length === 0 ? root : joinBytes(root, below)
  const text = await readFile(joinBytes(folder, Buffer.from('.gitignore')), 'utf8').catch(() => '')
  const own = { from: below.length === 0 ? 0 : below.length + 1, ignore: createIgnore().add(text) }
  const rules = text.trim() === '' ? outer : [own, ...outer]
  for (const entry of await readdir(folder, { encoding: 'buffer', withFileTypes: true })) {
    signal.throwIfAborted()
    const path = joinBytes(below, entry.name)
    if (entry.name.equals(dotGit)) {
      yield { path, whole: true }
      continue
    }
    if (isIgnored(path, entry.isDirectory(), rules)) continue
    yield { path, whole: false }
    if (entry.isDirectory()) yield* unruled(root, path, rules, signal)
  }
}

function isIgnored(path: Buffer, isFolder: boolean, rules: readonly Rules[]): boolean {
  for (const { from, ignore } of rules) {
    const { ignored, unignored } = ignore.test(path.toString('utf8', from) + (isFolder ? '/' : ''))
    if (ignored || unignored) return ignored
  }
  return false
}

async function exists(path: Buffer): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}
