import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { problem, repositoryKey, type TemplateRepository } from '#contract'
import { makeFolder } from '../platform/make-folder'
import type { Platform } from '../platform/platform'
import { Git } from '../workspaces/git'
import { gitProblem, gitWords } from '../workspaces/git-problems'

/** Bytes that a fetched repository may have on disk. */
const maximumRepository = 100 * 1024 * 1024
/** How often its size is looked at while it is fetched, milliseconds. */
const glance = 200
/** After how many milliseconds is removed what a fetch that broke off has left, and what was not fetched again. */
const brokenOff = 60 * 60 * 1000
const unused = 90 * 24 * brokenOff

const Note = z.strictObject({ key: z.string(), commit: z.string(), fetchedAt: z.number() })

/** A repository as it was fetched last. */
export interface Fetched {
  /** A bare repository with one commit. */
  readonly folder: string
  readonly commit: string
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number
}

/**
 * Repositories of templates in Berth's cache folder, each a bare one with the newest commit alone. Each fetch makes
 * a folder of its own, which takes the place of the one before: it neither grows nor is ever half.
 */
export class RepositoryCache {
  readonly #platform: Platform
  readonly #root: string

  constructor(platform: Platform) {
    this.#platform = platform
    this.#root = join(platform.folders.cache, 'templates')
  }

  #folder(key: string): string {
    return join(this.#root, createHash('sha256').update(key).digest('hex').slice(0, 24))
  }

  /** What is there, without asking anybody; undefined where it was never fetched. */
  async find(repository: TemplateRepository): Promise<Fetched | undefined> {
    const key = repositoryKey(repository)
    const folder = this.#folder(key)
    try {
      const note = Note.parse(JSON.parse(await readFile(join(folder, 'berth.json'), 'utf8')))
      return note.key === key ? { folder, commit: note.commit, fetchedAt: note.fetchedAt } : undefined
    } catch {
      return undefined
    }
  }

  /** Rejects with a `git-…` Problem; then what was there before still is. */
  async fetch(repository: TemplateRepository, signal: AbortSignal): Promise<Fetched> {
    await makeFolder(this.#root, 0o700)
    await this.#tidy()
    const key = repositoryKey(repository)
    const folder = this.#folder(key)
    const fresh = `${folder}.${randomBytes(6).toString('hex')}.new`
    try {
      const commit = await this.#fetchInto(fresh, repository, signal)
      const note = { key, commit, fetchedAt: this.#platform.clock.now() }
      await writeFile(join(fresh, 'berth.json'), JSON.stringify(note), { mode: 0o600 })
      const former = `${fresh}.old`
      await rename(folder, former).catch(() => undefined)
      await rename(fresh, folder)
      await rm(former, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined)
      return { folder, commit, fetchedAt: note.fetchedAt }
    } finally {
      await rm(fresh, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined)
    }
  }

  async #fetchInto(
    folder: string,
    { url, branch }: TemplateRepository,
    signal: AbortSignal,
  ): Promise<string> {
    const over = new AbortController()
    const bounded = AbortSignal.any([signal, over.signal])
    const git = new Git(this.#platform, url, bounded)
    await git.run(['init', '--quiet', '--bare', '--template=', '--', folder])
    const at = ['-C', folder, '-c', 'gc.auto=0', '-c', 'maintenance.auto=false']
    const fetch = ['fetch', '--quiet', '--no-tags', '--no-write-commit-graph', '--no-recurse-submodules']
    const what = ['--', url, branch ?? 'HEAD']
    const watching = this.#watchSize(folder, over, signal)
    try {
      const shallow = await git.try([...at, ...fetch, '--depth=1', ...what])
      if (shallow.code !== 0) {
        const retry = /shallow|dumb http|does not support/i.test(gitWords(shallow.stderr))
        if (!retry) throw gitProblem(url, shallow)
        await git.run([...at, ...fetch, ...what])
      }
      return (await git.run([...at, 'rev-parse', '--verify', 'FETCH_HEAD^{commit}'])).trim()
    } catch (error) {
      throw over.signal.reason === tooLarge && !signal.aborted ? largeRepository(url) : error
    } finally {
      over.abort('over')
      await watching
    }
  }

  /** Ends the fetch where it brings too much. */
  async #watchSize(folder: string, over: AbortController, signal: AbortSignal): Promise<void> {
    while (!over.signal.aborted && !signal.aborted) {
      if ((await sizeOf(folder)) > maximumRepository) over.abort(tooLarge)
      await this.#platform.clock.sleep(glance, over.signal).catch(() => undefined)
    }
  }

  async forget(repository: TemplateRepository): Promise<void> {
    await rm(this.#folder(repositoryKey(repository)), { recursive: true, force: true })
  }

  /** Removes what fetches that broke off have left, and what nobody has fetched for long. */
  async #tidy(): Promise<void> {
    for (const name of await readdir(this.#root)) {
      const limit = /\.new(?:\.old)?$/.test(name) ? brokenOff : unused
      const path = join(this.#root, name)
      const found = await stat(path).catch(() => undefined)
      if (found && this.#platform.clock.now() - found.mtimeMs > limit)
        await rm(path, { recursive: true, force: true }).catch(() => undefined)
    }
  }
}

const tooLarge = 'too large'

function largeRepository(url: string) {
  return problem({
    code: 'git-failed',
    title: `${url} is too large for templates`,
    cause: `Its newest commit has more than ${maximumRepository / 1024 / 1024} MiB.`,
    remedy: 'Put the templates into a repository of their own.',
  })
}

async function sizeOf(folder: string): Promise<number> {
  let sum = 0
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) sum += await sizeOf(path)
    else sum += (await stat(path).catch(() => undefined))?.size ?? 0
  }
  return sum
}
