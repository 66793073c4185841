import { join, posix } from 'node:path'
import {
  bundledTemplates,
  ProblemError,
  problem,
  repositoryKey,
  type Template,
  type TemplateReference,
  type TemplateRepository,
  type TemplateSource,
  toProblem,
} from '#contract'
import { readTemplate, templateFile } from '../definitions/template/template'
import type { Platform } from '../platform/platform'
import { commitTree } from './commit-tree'
import { folderTree } from './folder-tree'
import { type Fetched, RepositoryCache } from './repository-cache'
import { entriesReader, maximumTemplates, type TemplateTree } from './tree'

/** All templates that there are: those of Berth, and of the repositories that the user has named. */
export class Catalog {
  readonly #platform: Platform
  readonly #cache: RepositoryCache
  /** What a commit of a repository holds, which never changes. */
  readonly #read = new Map<string, { readonly commit: string; readonly source: TemplateSource }>()

  constructor(platform: Platform) {
    this.#platform = platform
    this.#cache = new RepositoryCache(platform)
  }

  /** As they were fetched last; fetches nothing. `besides`: a repository that is not among the settings. */
  async list(besides: TemplateRepository | undefined, signal: AbortSignal): Promise<TemplateSource[]> {
    const repositories = [...this.#settings().repositories]
    if (besides && !repositories.some((one) => repositoryKey(one) === repositoryKey(besides)))
      repositories.push(besides)
    return Promise.all([this.#bundled(), ...repositories.map((one) => this.#known(one, signal))])
  }

  /** Fetches the newest commit. Rejects only where the caller has given up. */
  async refresh(repository: TemplateRepository, signal: AbortSignal): Promise<TemplateSource> {
    try {
      await this.#cache.fetch(repository, signal)
      return await this.#known(repository, signal)
    } catch (error) {
      if (signal.aborted) throw error
      const problem = toProblem(error, 'The templates could not be fetched')
      return { ...(await this.#known(repository, signal)), problem }
    }
  }

  async forget(repository: TemplateRepository): Promise<void> {
    this.#read.delete(repositoryKey(repository))
    await this.#cache.forget(repository)
  }

  /** A template with the place of its files. Rejects with `not-found`, or with the template's own mistake. */
  async open(
    reference: TemplateReference,
    signal: AbortSignal,
  ): Promise<{ readonly template: Template; readonly tree: TemplateTree }> {
    const tree = await this.#tree(reference.repository, signal)
    if (!tree?.folders.has(reference.id)) {
      throw problem({
        code: 'not-found',
        title: `There is no template ${reference.id}`,
        cause:
          reference.repository === bundledTemplates
            ? 'Berth brings none of that name along.'
            : tree
              ? `${reference.repository} has none of that name.`
              : `${reference.repository} was not fetched yet.`,
        remedy: 'See `berth templates`, and refresh the repository if it is new there.',
      })
    }
    return { template: await describe(tree, reference.id), tree }
  }

  async #tree(key: string, signal: AbortSignal): Promise<TemplateTree | undefined> {
    if (key === bundledTemplates) return this.#bundledTree()
    const repository = parseKey(key)
    const fetched = await this.#cache.find(repository)
    return fetched && this.#commit(repository, fetched, signal)
  }

  #settings() {
    return this.#platform.settings.get().templates
  }

  #bundledTree(): Promise<TemplateTree> {
    return folderTree(join(this.#platform.folders.resources, 'templates'))
  }

  #commit({ url }: TemplateRepository, { folder, commit }: Fetched, signal: AbortSignal) {
    return commitTree(this.#platform, { url, repository: folder, commit }, lastPart(url), signal)
  }

  async #bundled(): Promise<TemplateSource> {
    return { key: bundledTemplates, name: 'Berth', ...(await describeAll(await this.#bundledTree())) }
  }

  async #known(repository: TemplateRepository, signal: AbortSignal): Promise<TemplateSource> {
    const key = repositoryKey(repository)
    const base = { key, name: nameOf(repository), templates: [], faulty: [] }
    const fetched = await this.#cache.find(repository)
    if (!fetched) return base
    const { commit, fetchedAt } = fetched
    const before = this.#read.get(key)
    if (before?.commit === commit) return { ...before.source, fetchedAt }
    try {
      const found = await describeAll(await this.#commit(repository, fetched, signal))
      const source = { ...base, commit, fetchedAt, ...found }
      this.#read.set(key, { commit, source })
      return source
    } catch (error) {
      if (signal.aborted) throw error
      return { ...base, commit, fetchedAt, problem: toProblem(error) }
    }
  }
}

/** Each template, or its mistake: one that is wrong hides no other. */
async function describeAll(
  tree: TemplateTree,
): Promise<Pick<TemplateSource, 'templates' | 'faulty' | 'problem'>> {
  const templates: TemplateSource['templates'] = []
  const faulty: TemplateSource['faulty'] = []
  const read = await Promise.all(
    [...tree.folders.keys()].map((id) =>
      describe(tree, id).then(
        (template) => ({ id, template }),
        (error: unknown) => {
          if (!(error instanceof ProblemError) || error.problem.code === 'cancelled') throw error
          return { id, problem: error.problem }
        },
      ),
    ),
  )
  for (const one of read) {
    if ('template' in one) templates.push(one.template)
    else faulty.push(one)
  }
  if (read.length > 0 && read.length < maximumTemplates) return { templates, faulty }
  return { templates, faulty, problem: read.length === 0 ? nothing() : tooMany() }
}

async function describe(tree: TemplateTree, id: string): Promise<Template> {
  const bytes = await tree.describe(id)
  const shown = posix.join(tree.folders.get(id) ?? id, templateFile)
  const reader = entriesReader([{ path: templateFile, bytes, executable: false }])
  const template = await readTemplate(reader, shown)
  if (!template) throw new Error(`${shown} is gone`)
  return { ...template, id, name: template.name || id }
}

function nothing() {
  return problem({
    code: 'not-found',
    title: 'There are no templates',
    cause: `No folder has a ${templateFile}: neither src/<id>, nor <id>, nor the root.`,
    remedy: 'Check that it is the right repository, and the right branch.',
  }).problem
}

function tooMany() {
  return problem({
    code: 'unsupported',
    title: `Only the first ${maximumTemplates} templates are shown`,
    cause: 'There are more of them than Berth reads.',
    remedy: 'Spread them over several repositories.',
  }).problem
}

/** `repositoryKey`, backwards. */
function parseKey(key: string): TemplateRepository {
  const hash = key.indexOf('#')
  return hash < 0 ? { url: key } : { url: key.slice(0, hash), branch: key.slice(hash + 1) }
}

function lastPart(url: string): string {
  return (
    url
      .replace(/\/+$/, '')
      .replace(/\.git$/, '')
      .split(/[/:]/)
      .at(-1) || 'template'
  )
}

/** `devcontainers/templates`, and the branch where one is named. */
function nameOf({ url, branch }: TemplateRepository): string {
  const parts = url
    .replace(/^\w+:\/\/[^/]*\//, '')
    .replace(/^[^/]*:/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
  return `${parts.slice(-2).join('/')}${branch === undefined ? '' : ` (${branch})`}`
}
