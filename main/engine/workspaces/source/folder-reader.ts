import { open, readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { problem } from '#contract'
import type { RepositoryReader } from '../../definitions/index'
import { leadsOut, tooLarge } from '../git'

/** The path of a folder of this machine without links. Rejects with `folder-not-found`. */
export async function realFolder(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined)
  if (found?.isDirectory()) return realpath(folder)
  throw problem({
    code: 'folder-not-found',
    title: `There is no folder ${folder}`,
    cause: found ? 'Something else has that name.' : 'It was moved or deleted, or the path is misspelt.',
    remedy: 'Check the path.',
  })
}

/** A folder of this machine, whose links are followed as long as they stay inside it. */
export function folderReader(root: string): RepositoryReader {
  const locate = async (path: string): Promise<string | undefined> => {
    let inside: string
    let base: string
    try {
      base = await realpath(root)
      inside = await realpath(join(root, path))
    } catch {
      return undefined
    }
    if (inside !== base && !inside.startsWith(base.endsWith(sep) ? base : base + sep)) throw leadsOut(path)
    return inside
  }
  return {
    async read(path, limit) {
      const file = await locate(path)
      if (file === undefined || !(await stat(file)).isFile()) return undefined
      const handle = await open(file, 'r')
      try {
        if ((await handle.stat()).size > limit) throw tooLarge(path, limit)
        return await handle.readFile()
      } finally {
        await handle.close()
      }
    },
    exists: async (path) => (await locate(path)) !== undefined,
    async list(folder) {
      const path = await locate(folder)
      if (path === undefined || !(await stat(path)).isDirectory()) return []
      return (await readdir(path)).sort()
    },
  }
}
