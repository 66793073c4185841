import { lstat, mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { problem } from '#contract'
import { givenPath, readDefinition } from '../../definitions/index'
import type { Platform } from '../../platform/platform'
import { definitionContext } from './definition'
import { folderReader, realFolder } from './folder-reader'

/**
 * Writes a definition's text into a folder of this machine, as `.devcontainer/devcontainer.json`, whole or not at all,
 * and returns the path of the file. What cannot be read is not written. A file that is there stays, unless `replace`.
 */
export async function saveDefinition(
  platform: Platform,
  folder: string,
  text: string,
  replace: boolean,
): Promise<string> {
  const root = await realFolder(folder)
  const request = {
    workspaceId: 'a'.repeat(10),
    source: { kind: 'folder', path: root },
    bindMounts: true,
  } as const
  await readDefinition(folderReader(root), definitionContext(request, platform), undefined, { text })
  const file = join(root, ...givenPath.split('/'))
  const temporary = `${file}.${process.pid}.new`
  try {
    await mkdir(join(root, '.devcontainer'), { recursive: true })
    // A link would have it written somewhere else.
    const parent = await realpath(join(root, '.devcontainer'))
    if (!parent.startsWith(root.endsWith(sep) ? root : root + sep)) throw leadsAway(file)
    const before = await lstat(file).catch(() => undefined)
    if (before && (!replace || !before.isFile())) throw exists(file, before.isFile())
    if (replace) {
      await writeFile(temporary, text, { flag: 'wx' })
      await rename(temporary, file)
    } else await writeFile(file, text, { flag: 'wx' })
    return file
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw exists(file, true)
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error
    throw problem(
      {
        code: code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'permission-denied',
        title: `${file} could not be written`,
        cause: message,
        remedy: 'Check that you may write there, and that there is room.',
      },
      error,
    )
  }
}

function exists(file: string, isFile: boolean) {
  return problem({
    code: 'file-exists',
    title: `There is ${file} already`,
    cause: isFile ? 'It would be overwritten.' : 'It is no plain file.',
    remedy: isFile ? 'Say that it may be replaced, or edit it yourself.' : 'Take it away first.',
  })
}

function leadsAway(file: string) {
  return problem({
    code: 'permission-denied',
    title: `${file} could not be written`,
    cause: '.devcontainer is a link that leads out of the folder.',
    remedy: 'Write the file yourself, where it belongs.',
  })
}
