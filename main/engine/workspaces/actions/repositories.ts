import { join } from 'node:path'
import { type AdditionalRepository, type Problem, ProblemError, problem, type Source } from '#contract'
import type { Driver, WorkspaceSpec } from '../../drivers/driver'
import { cloneRepository, existingRef, type GitSource, nameRemotes } from '../git'
import type { Action } from '../guard'
import { liesWithSource } from '../home'
import type { ActionReport } from '../operations'
import { fetchArchive } from '../source/archive'
import { isCommit } from '../source/checks'
import { isInside } from '../source/definition'
import { checkSource } from '../source/parse'
import { measureFolder, tarFolder } from '../source/tar-folder'
import { isTaken } from '../source/volume-reader'
import { withTemporaryFolder } from '../temporary'
import type { ActionContext } from './context'

/** Of one repository that is not there, in the user's words. */
interface Missing {
  readonly folder: string
  readonly problem: Problem
}

/**
 * Puts the repositories that belong beside the source into a workspace that runs. One whose folder holds something is
 * left as it is. One that cannot be cloned keeps nobody from working: the Problem of those that are missing is
 * returned, and a rebuild tries again. Rejects where the target cannot be written to.
 */
export async function addRepositories(
  context: ActionContext,
  action: Action,
  driver: Driver,
  spec: WorkspaceSpec,
): Promise<Problem | undefined> {
  const { repositories } = spec.definition
  if (repositories.length === 0) return undefined
  const missing: Missing[] = []
  await action.operation.step('repositories', async (report, signal) => {
    for (const repository of repositories) {
      const { folder } = repository
      if (await isTaken(folder, (path, stop) => driver.read(spec.id, path, stop), signal)) continue
      const found = await addRepository(context, driver, spec, repository, report, signal)
      if (!found) continue
      report.output(`${found.title}: ${found.cause}\n`)
      missing.push({ folder, problem: found })
    }
    const told = missing.map(({ folder, problem: { title } }) => `${folder} is missing: ${title}`)
    if (told.length > 0) report.result(told.join('; '))
  })
  return missing.length === 0 ? undefined : problemOf(missing, spec.id)
}

async function addRepository(
  context: ActionContext,
  driver: Driver,
  spec: WorkspaceSpec,
  repository: AdditionalRepository,
  report: ActionReport,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const { platform } = context
  const { folder } = repository
  const source = spec.sourceFolder ?? spec.definition.workspaceFolder
  if (spec.bindFolder !== undefined && isInside(folder, source)) return ofOwnFolder(spec.bindFolder, folder)
  // It would be lost with the container, and may be nothing that the user can write to.
  if (!liesWithSource(folder, source)) return ofNoVolume(folder, source)
  return withTemporaryFolder(platform, async (temporary) => {
    const clone = join(temporary, 'clone')
    try {
      await fetchRepository(platform, repository, spec.source, clone, report, signal)
    } catch (error) {
      if (signal.aborted || !(error instanceof ProblemError)) throw error
      return error.problem
    }
    const size = await measureFolder(clone, signal)
    const tar = tarFolder(clone, folder.slice(1), spec.image.user, report, size, signal)
    try {
      await driver.write(spec.id, '/', tar, signal)
    } finally {
      tar.destroy()
    }
    return undefined
  })
}

/** Puts what belongs beside a source, or into one, into a new folder of this machine. */
export async function fetchRepository(
  platform: ActionContext['platform'],
  repository: Omit<AdditionalRepository, 'folder'>,
  source: Source,
  clone: string,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  if (repository.archive) return fetchArchive(repository.url, clone, report, signal)
  report.detail(`Cloning ${repository.url}`)
  const wanted = await checkedRepository(platform, repository, source, signal)
  const { warning } = await cloneRepository(platform, wanted, clone, report, signal)
  if (warning) report.output(`${warning}\n`)
  await nameRemotes(platform, clone, repository, signal)
}

/**
 * A repository that the definition of a source names, checked like what a person types: a definition comes from
 * whoever wrote it. Rejects with `git-failed` or `invalid-input`.
 */
export async function checkedRepository(
  platform: ActionContext['platform'],
  { url, ref }: Pick<AdditionalRepository, 'url' | 'ref'>,
  source: Source,
  signal: AbortSignal,
): Promise<GitSource> {
  const isLocal = source.kind === 'git' && source.url.startsWith('file:')
  // A repository must not make git read others of this machine unless it is itself one.
  if (/^file:/i.test(url) && !isLocal) {
    throw problem({
      code: 'git-failed',
      title: `${url} is not cloned`,
      cause: 'It is a folder of this machine, which a definition may not read.',
      remedy: 'Give the URL by which others reach the repository.',
    })
  }
  const asked = ref === undefined ? undefined : await refOf(platform, url, ref, signal)
  const options = { home: platform.folders.home, cwd: platform.folders.home }
  const checked = checkSource({ kind: 'git', url, ...(asked && { ref: asked }) }, options)
  if (checked.kind !== 'git') throw new TypeError('Another kind of source')
  return checked
}

/** A page of a forge may lead to a folder: of `a/b/c` the branch is what the server has of `a/b/c`, `a/b` and `a`. */
async function refOf(
  platform: ActionContext['platform'],
  url: string,
  ref: string,
  signal: AbortSignal,
): Promise<NonNullable<GitSource['ref']>> {
  if (isCommit(ref)) return { kind: 'commit', id: ref }
  const parts = ref.split('/')
  const names = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'))
  const found = names.length > 1 ? await existingRef(platform, url, names, signal) : undefined
  return { kind: 'branch', name: found ?? ref }
}

function ofOwnFolder(folder: string, inside: string): Problem {
  return {
    code: 'git-failed',
    title: `${inside} is not cloned`,
    cause: `It would lie in ${folder}, which is your own folder and is left as it is.`,
    remedy: 'Clone it there yourself.',
  }
}

function ofNoVolume(folder: string, source: string): Problem {
  return {
    code: 'git-failed',
    title: `${folder} is not cloned`,
    cause: `It does not lie beside the source, which is in ${source}, and nothing there outlives a rebuild.`,
    remedy: 'Give it a place below /workspaces or /projects, as the source has.',
  }
}

function problemOf(missing: readonly Missing[], workspaceId: string): Problem {
  const [first] = missing
  const single = missing.length === 1 && first ? first : undefined
  return {
    code: first?.problem.code ?? 'git-failed',
    title: single ? `${single.folder} is missing` : `${missing.length} repositories are missing`,
    cause: single
      ? `It could not be cloned. ${single.problem.title}: ${single.problem.cause}`
      : missing.map(({ folder, problem: { cause } }) => `${folder}: ${cause}`).join(' '),
    remedy: `${single?.problem.remedy ?? 'Mend what is named.'} A rebuild tries again; what is there stays.`,
    detail: missing.map(({ problem: { title, detail } }) => [title, detail].join('\n')).join('\n\n'),
    actions: [{ kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId }],
  }
}
