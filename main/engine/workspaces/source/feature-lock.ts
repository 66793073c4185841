import { lstat, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { ProblemError, problem } from '#contract'
import {
  compareLock,
  type FeatureLock,
  lockEntries,
  lockPath,
  lockText,
  prepareFeatures,
  readLock,
} from '../../features/index'
import type { Handlers } from '../../platform/handlers'
import type { Platform } from '../../platform/platform'
import { silentReport } from '../actions/context'
import { readSource } from './definition'
import { folderReader, realFolder } from './folder-reader'
import { newWorkspaceId } from './name'

export type FeatureHandlers = Pick<Handlers, 'features.lock'>
type LockHandler = FeatureHandlers['features.lock']

/** What answers the request for the lock file of a definition's Features. */
export function createFeatureHandlers({ platform }: { readonly platform: Platform }): FeatureHandlers {
  return { 'features.lock': (input, signal) => lockFeatures(platform, input, signal) }
}

async function lockFeatures(
  platform: Platform,
  { folder, definitionPath, write }: Parameters<LockHandler>[0],
  signal: AbortSignal,
): ReturnType<LockHandler> {
  const root = await realFolder(folder)
  const reader = folderReader(root)
  const request = {
    workspaceId: newWorkspaceId(),
    source: { kind: 'folder', path: root },
    bindMounts: true,
    ...(definitionPath !== undefined && { definitionPath }),
  } as const
  const { definition } = await readSource(request, platform, silentReport, signal)
  if (definition.format !== 'devcontainer' || definition.path === undefined)
    throw problem({
      code: 'not-found',
      title: 'There is no devcontainer.json',
      cause: `Lock files are for its Features, and what is used of ${folder} is ${definition.path ?? 'no file'}.`,
      remedy: 'Name the folder of one, or with --definition the file.',
    })
  const lock = await readStanding(definition.path, reader, write)
  const { features } = await prepareFeatures(definition, { platform, reader, signal, anew: true })
  const entries = lockEntries(features)
  const comparison = compareLock(lock, entries)
  const isCurrent = lock !== undefined && comparison.every(({ isSame }) => isSame)
  const path = lockPath(definition.path)
  const text = lockText(entries)
  const written = write && !isCurrent
  if (written) await writeWhole(root, path, text)
  return { path, text, written, isCurrent: isCurrent || written, features: comparison }
}

/** One with mistakes is replaced, and only where nothing is written said to have them. */
async function readStanding(
  path: string,
  reader: ReturnType<typeof folderReader>,
  write: boolean,
): Promise<FeatureLock | undefined> {
  try {
    return await readLock(reader, path)
  } catch (error) {
    if (write && error instanceof ProblemError && error.problem.code === 'definition-invalid')
      return undefined
    throw error
  }
}

/** Writes a file below a folder, whole or not at all, and follows no link out of it. */
async function writeWhole(root: string, path: string, text: string): Promise<void> {
  const file = join(root, ...path.split('/'))
  const temporary = `${file}.${process.pid}.new`
  const refused = (cause: string, remedy: string, code: 'permission-denied' | 'disk-full', error?: unknown) =>
    problem({ code, title: `${file} could not be written`, cause, remedy }, error)
  try {
    const parent = await realpath(dirname(file))
    if (parent !== root && !parent.startsWith(root.endsWith(sep) ? root : root + sep))
      throw refused(
        'Its folder is a link that leads elsewhere.',
        'Name the folder itself.',
        'permission-denied',
      )
    const before = await lstat(file).catch(() => undefined)
    if (before && !before.isFile())
      throw refused(
        'Something that is no plain file has its name.',
        'Take it away first.',
        'permission-denied',
      )
    await writeFile(temporary, text, { flag: 'wx', ...(before && { mode: before.mode }) })
    await rename(temporary, file)
  } catch (error) {
    if (error instanceof ProblemError) throw error
    await rm(temporary, { force: true }).catch(() => undefined)
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error
    const isFull = code === 'ENOSPC' || code === 'EDQUOT'
    const remedy = 'Check that you may write there, and that there is room.'
    throw refused(message, remedy, isFull ? 'disk-full' : 'permission-denied', error)
  }
}
