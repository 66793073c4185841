import { mkdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { cancelled, problem, type Source } from '#contract'
import type { RepositoryReader } from '../definitions/index'
import { insideRepository } from '../definitions/index'
import type { StepReport } from '../drivers/driver'
import type { Platform } from '../platform/platform'
import type { RunResult } from '../platform/processes'
import { gitProblem, gitWords, WithoutLogins } from './git-problems'

export type GitSource = Extract<Source, { kind: 'git' }>

/** Lines of progress that git prints: `Receiving objects:  42% (…)`. */
const progressLine = /(Counting|Compressing|Receiving|Resolving|Updating)[\w ]*:\s+(\d+)%/

/** For git with messages in English, and without what is left over where Berth was itself started by git, from a hook, say. */
export function plainGitEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const environment: Record<string, string | undefined> = { ...env, LC_ALL: 'C', LANGUAGE: 'C' }
  for (const name of ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_PREFIX', 'GIT_OBJECT_DIRECTORY']) {
    delete environment[name]
  }
  return environment
}

/**
 * The user's own git, with the user's configuration, credential helpers, ssh and proxies. It asks nothing: there may
 * be nobody to answer. Only transports that move data are allowed.
 */
export class Git {
  readonly #platform: Platform
  readonly #url: string
  readonly #signal: AbortSignal

  constructor(platform: Platform, url: string, signal: AbortSignal) {
    this.#platform = platform
    this.#url = url
    this.#signal = signal
  }

  #environment(): Record<string, string | undefined> {
    return {
      ...plainGitEnvironment(this.#platform.env),
      GIT_TERMINAL_PROMPT: '0',
      // Submodules too. A repository must not make git read others of this machine unless it is itself one.
      GIT_ALLOW_PROTOCOL: this.#url.startsWith('file:') ? 'https:http:ssh:git:file' : 'https:http:ssh:git',
      GCM_INTERACTIVE: 'never',
    }
  }

  /** Ends with a result whatever the exit code; rejects on abort only. */
  async try(args: readonly string[], report?: StepReport): Promise<RunResult> {
    const child = this.#platform.processes.spawn('git', ['-c', 'core.hooksPath=/dev/null', ...args], {
      env: this.#environment(),
      signal: this.#signal,
      group: true,
    })
    child.stdin.end()
    const stdout: Buffer[] = []
    let length = 0
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= 16 * 1024 * 1024) stdout.push(chunk)
    })
    let stderr = ''
    const shown = new WithoutLogins()
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text: string) => {
      stderr = (stderr + text).slice(-64 * 1024)
      if (!report) return
      const told = shown.feed(text)
      if (told !== '') report.output(told)
      const found = progressLine.exec(text.split(/[\r\n]/).findLast((line) => progressLine.test(line)) ?? '')
      if (found) {
        report.detail(`${found[1]} objects`)
        report.progress({ current: Number(found[2]), total: 100, unit: 'percent' })
      }
    })
    const { code, error } = await child.exit
    const last = shown.flush()
    if (last !== '') report?.output(last)
    if (this.#signal.aborted) throw cancelled('Git')
    return {
      code,
      // Bytes one to one: file contents are decoded by whoever knows what they are.
      stdout: Buffer.concat(stdout).toString('latin1'),
      stderr,
      ...(error ? { error: error as NodeJS.ErrnoException } : {}),
    }
  }

  /** The same, and rejects with a Problem when it fails. */
  async run(args: readonly string[], report?: StepReport): Promise<string> {
    const result = await this.try(args, report)
    if (result.code !== 0) throw gitProblem(this.#url, result)
    return result.stdout
  }
}

interface TreeEntry {
  readonly mode: string
  readonly path: string
}

/**
 * Fetches what is needed to read a few files of a repository at a branch or commit into `folder`: one commit without
 * its history and, where the server can, without file contents. Rejects with a `git-…` Problem.
 */
export async function openRepository(
  platform: Platform,
  source: GitSource,
  folder: string,
  report: StepReport,
  signal: AbortSignal,
): Promise<RepositoryReader> {
  const git = new Git(platform, source.url, signal)
  await mkdir(folder, { recursive: true })
  await git.run(['init', '--quiet', '--bare', '--', folder])
  const at = ['-C', folder]
  await git.run([...at, 'config', 'remote.origin.url', source.url])
  await git.run([...at, 'config', 'remote.origin.promisor', 'true'])
  await git.run([...at, 'config', 'remote.origin.partialclonefilter', 'blob:none'])

  const head = await fetchHead(git, at, source, report)
  const commit = head
  if (commit === undefined)
    return treeReader(
      async () => [],
      () => Promise.reject(new Error('Empty')),
    )
  return treeReader(
    async (path) => {
      // A path with a slash at its end lists what is inside. Not a pattern: ls-tree takes paths as they are.
      const listing = await git.run([...at, 'ls-tree', '-z', '--full-tree', commit, '--', path])
      return parseTree(listing)
    },
    async (path) => Buffer.from(await git.run([...at, 'cat-file', 'blob', `${commit}:${path}`]), 'latin1'),
  )
}

/** The first of `names` that is a branch or a tag on the server; undefined where none is, or it cannot be asked. */
export async function existingRef(
  platform: Platform,
  url: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const git = new Git(platform, url, signal)
  const patterns = names.flatMap((name) => [`refs/heads/${name}`, `refs/tags/${name}`])
  const { code, stdout } = await git.try(['ls-remote', '--refs', '--', url, ...patterns])
  if (code !== 0) return undefined
  const refs = Buffer.from(stdout, 'latin1').toString('utf8').split('\n')
  const there = new Set(refs.map((line) => line.slice(line.indexOf('\t') + 1).replace(/^refs\/\w+\//, '')))
  return names.find((name) => there.has(name))
}

function parseTree(listing: string): TreeEntry[] {
  const entries: TreeEntry[] = []
  for (const line of Buffer.from(listing, 'latin1').toString('utf8').split('\0')) {
    const tab = line.indexOf('\t')
    if (tab > 0) entries.push({ mode: line.slice(0, 6), path: line.slice(tab + 1) })
  }
  return entries
}

/** Returns the commit; undefined for a repository without any. */
async function fetchHead(
  git: Git,
  at: readonly string[],
  source: GitSource,
  report: StepReport,
): Promise<string | undefined> {
  const wanted = source.ref?.kind === 'branch' ? source.ref.name : (source.ref?.id ?? 'HEAD')
  const fetch = ['fetch', '--quiet', '--no-tags', '--no-write-commit-graph', '--no-recurse-submodules']
  const short = source.ref?.kind === 'commit' && wanted.length < 40
  report.detail(`Asking ${new Address(source.url).host}`)
  if (!short) {
    const result = await git.try([...at, ...fetch, '--depth=1', '--filter=blob:none', 'origin', wanted])
    if (result.code === 0) return (await git.run([...at, 'rev-parse', 'FETCH_HEAD'])).trim()
    const words = gitWords(result.stderr)
    if (wanted === 'HEAD' && /couldn't find remote ref HEAD/i.test(words)) return undefined
    // Servers without shallow fetches (plain file servers), and those that give no commit but a branch's newest.
    const retry = /shallow|dumb http|not our ref|unadvertised|does not support/i.test(words)
    if (!retry) throw gitProblem(source.url, result)
  }
  report.detail('Fetching all branches, because this server gives no single commit')
  if (source.ref?.kind === 'commit') {
    const everything = ['origin', '+refs/*:refs/berth/*']
    await git.run([...at, ...fetch, '--filter=blob:none', ...everything])
    return resolveCommit(git, at, source.url, wanted)
  }
  await git.run([...at, ...fetch, 'origin', wanted])
  return (await git.run([...at, 'rev-parse', 'FETCH_HEAD'])).trim()
}

async function resolveCommit(git: Git, at: readonly string[], url: string, id: string): Promise<string> {
  const result = await git.try([
    ...at,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${id}^{commit}`,
  ])
  if (result.code === 0) return result.stdout.trim()
  throw problem({
    code: 'git-ref-not-found',
    title: `${url} has no commit ${id}`,
    cause: 'No branch or tag of the repository leads to such a commit, or several begin like this.',
    remedy: 'Check the commit, give more of its digits, and check that it was pushed.',
  })
}

function treeReader(
  look: (path: string) => Promise<readonly TreeEntry[]>,
  blob: (path: string) => Promise<Uint8Array>,
): RepositoryReader {
  const known = new Map<string, Promise<readonly TreeEntry[]>>()
  const lookup = (path: string) => {
    const found = known.get(path) ?? look(path)
    known.set(path, found)
    return found
  }
  const find = async (path: string) => (await lookup(path)).find((entry) => entry.path === path)
  const read = async (path: string, limit: number, links = 0): Promise<Uint8Array | undefined> => {
    const entry = await find(path)
    if (!entry || entry.mode.startsWith('04') || entry.mode === '160000') return undefined
    const bytes = await blob(path)
    if (entry.mode !== '120000') {
      if (bytes.length > limit) throw tooLarge(path, limit)
      return bytes
    }
    const target = insideRepository(posix.dirname(path), Buffer.from(bytes).toString('utf8'))
    if (target === undefined || links > 8) throw leadsOut(path)
    return read(target, limit, links + 1)
  }
  return {
    read,
    exists: async (path) => path === '.' || (await find(path)) !== undefined,
    list: async (folder) => {
      const entries = await lookup(folder === '.' ? '.' : `${folder}/`)
      return entries.map(({ path }) => posix.basename(path)).sort()
    },
  }
}

export function tooLarge(path: string, limit: number) {
  return problem({
    code: 'definition-invalid',
    title: `${path} is too large`,
    cause: `It has more than ${Math.round(limit / 1024)} KiB.`,
    remedy: 'A definition is a small file; check that it is the right one.',
  })
}

export function leadsOut(path: string) {
  return problem({
    code: 'definition-invalid',
    title: `${path} leads out of the repository`,
    cause: 'It is, or lies behind, a link to somewhere else.',
    remedy: 'Put the file itself into the repository.',
  })
}

/** The host of any form of git URL, for display. */
class Address {
  readonly host: string

  constructor(url: string) {
    this.host = /^(?:\w+:\/\/)?(?:[^@/]*@)?([^/:]+)/.exec(url)?.[1] ?? 'the server'
    if (url.startsWith('file:')) this.host = 'this machine'
  }
}

/**
 * Clones into `folder`, which must not exist yet, with submodules, and checks out the branch or commit. A submodule
 * that fails is no reason to fail: it is told in the step's output and by the result.
 */
export async function cloneRepository(
  platform: Platform,
  source: GitSource,
  folder: string,
  report: StepReport,
  signal: AbortSignal,
): Promise<{ readonly warning?: string }> {
  const git = new Git(platform, source.url, signal)
  const options = ['clone', '--progress']
  // Inside the workspace it is Linux, whatever this machine is.
  if (process.platform === 'win32') options.push('-c', 'core.autocrlf=false', '-c', 'core.symlinks=true')
  if (source.ref?.kind === 'branch') options.push(`--branch=${source.ref.name}`)
  if (source.ref?.kind === 'commit') options.push('--no-checkout')
  report.detail(`Connecting to ${new Address(source.url).host}`)
  await git.run([...options, '--', source.url, folder], report)

  const at = ['-C', folder]
  if (source.ref?.kind === 'commit') {
    const id = source.ref.id
    // A commit that no branch leads to has to be asked for by its full name.
    const known = await git.try([...at, 'cat-file', '-e', `${id}^{commit}`])
    if (known.code !== 0 && id.length === 40)
      await git.run([...at, 'fetch', '--progress', 'origin', id], report)
    const commit = await resolveCommit(git, at, source.url, id)
    await git.run([...at, 'checkout', '--quiet', '--detach', commit], report)
  }
  const submodules = await git.try([...at, 'config', '--file', join(folder, '.gitmodules'), '--list'])
  if (submodules.code !== 0 || submodules.stdout.trim() === '') return {}
  report.detail('Cloning submodules')
  const update = [...at, 'submodule', 'update', '--init', '--recursive', '--progress']
  const result = await git.try(update, report)
  if (result.code === 0) return {}
  return { warning: `Submodules are missing: ${gitWords(result.stderr).split('\n').at(-1) ?? 'git failed'}` }
}

/** Calls the server of a clone as it is meant to be called, and makes others known to it. Nothing is fetched of those. */
export async function nameRemotes(
  platform: Platform,
  folder: string,
  {
    url,
    remote = 'origin',
    remotes = {},
  }: {
    readonly url: string
    readonly remote?: string | undefined
    readonly remotes?: Readonly<Record<string, string>> | undefined
  },
  signal: AbortSignal,
): Promise<void> {
  const git = new Git(platform, url, signal)
  if (remote !== 'origin') await git.run(['-C', folder, 'remote', 'rename', '--', 'origin', remote])
  for (const [name, other] of Object.entries(remotes))
    await git.run(['-C', folder, 'remote', 'add', '--', name, other])
}
