import { cp, lstat, readdir, realpath, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { type Definition, type Problem, problem, type StarterProject } from '#contract'
import type { Driver, WorkspaceSpec } from '../../drivers/driver'
import type { Action } from '../guard'
import type { ActionReport } from '../operations'
import { measureFolder, tarFolder } from '../source/tar-folder'
import { volumeReader } from '../source/volume-reader'
import { withTemporaryFolder } from '../temporary'
import type { ActionContext } from './context'
import { fetchRepository } from './repositories'

/** What a source may have and still count as empty: what describes it. */
const describing =
  /^(?:\.git|\.gitignore|\.gitattributes|\.?devfile\.ya?ml|\.devfile|\.devcontainer|\.devcontainer\.json|\.gitpod\.yml|readme(?:\.\w+)?|licen[cs]e(?:\.\w+)?|icon\.\w+|logo\.\w+)$/i

/** The starter project of that name; undefined where none is asked for. Throws `invalid-input` where there is none. */
export function chosenStarter(
  { starterProjects = [] }: Pick<Definition, 'starterProjects'>,
  name: string | undefined,
): StarterProject | undefined {
  if (name === undefined) return undefined
  const found = starterProjects.find((one) => one.name === name)
  if (found) return found
  const names = starterProjects.map((one) => one.name).join(', ')
  throw problem({
    code: 'invalid-input',
    title: `There is no starter project "${name}"`,
    cause: names === '' ? 'The definition has no starter projects.' : `The definition has: ${names}.`,
    remedy: names === '' ? 'Make the workspace without.' : 'Choose one of them, or none.',
  })
}

/**
 * Puts the files of a starter project into a source that is empty but for what describes it, nothing of which is
 * replaced. Rejects where the source has more, or the project cannot be had.
 */
export async function addStarter(
  context: ActionContext,
  action: Action,
  driver: Driver,
  spec: WorkspaceSpec,
  starter: StarterProject,
): Promise<void> {
  await action.operation.step('starter', (report, signal) =>
    withTemporaryFolder(context.platform, async (temporary) => {
      const there = await namesInSource(driver, spec, signal)
      const [own] = there.filter((name) => !describing.test(name))
      if (own !== undefined) throw problem(notEmpty(starter, own))
      const clone = join(temporary, 'clone')
      await fetchRepository(context.platform, starter, spec.source, clone, report, signal)
      const folder = await folderOf(clone, starter)
      for (const name of ['.git', ...there]) await rm(join(folder, name), { recursive: true, force: true })
      await put(driver, spec, folder, report, signal)
      report.result(`${starter.name}, from ${starter.url}`)
    }),
  )
}

async function namesInSource(
  driver: Driver,
  spec: WorkspaceSpec,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (spec.bindFolder !== undefined) return readdir(spec.bindFolder)
  const read = (path: string, stop: AbortSignal) => driver.read(spec.id, path, stop)
  return volumeReader(sourceOf(spec), read, signal).list('.')
}

const sourceOf = ({ sourceFolder, definition }: WorkspaceSpec) => sourceFolder ?? definition.workspaceFolder

/** `subDir` of the clone. A link in it must not lead out. */
async function folderOf(clone: string, { name, subFolder }: StarterProject): Promise<string> {
  if (subFolder === undefined) return clone
  const root = await realpath(clone)
  const folder = await realpath(join(clone, subFolder)).catch(() => undefined)
  const isThere = folder?.startsWith(`${root}${sep}`) && (await lstat(folder)).isDirectory()
  if (folder !== undefined && isThere) return folder
  throw problem({
    code: 'definition-invalid',
    title: `The starter project "${name}" cannot be used`,
    cause: `Its repository has no folder "${subFolder}".`,
    remedy: 'Choose another starter project, or none.',
  })
}

async function put(
  driver: Driver,
  spec: WorkspaceSpec,
  folder: string,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  if (spec.bindFolder !== undefined) {
    await cp(folder, spec.bindFolder, { recursive: true, force: false, verbatimSymlinks: true })
    return
  }
  const size = await measureFolder(folder, signal)
  const tar = tarFolder(folder, sourceOf(spec).slice(1), spec.image.user, report, size, signal)
  try {
    await driver.write(spec.id, '/', tar, signal)
  } finally {
    tar.destroy()
  }
}

function notEmpty({ name }: StarterProject, own: string): Problem {
  return {
    code: 'invalid-input',
    title: `The starter project "${name}" has no place`,
    cause: `The source has files of its own already, ${own} among them.`,
    remedy: 'Make the workspace without it, or from a folder that has nothing but the definition.',
  }
}
