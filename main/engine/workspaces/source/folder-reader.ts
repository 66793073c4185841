import { open, readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { RepositoryReader } from '../../definitions/index'
import { leadsOut, tooLarge } from '../git'

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
