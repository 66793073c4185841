import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { templateFile } from '../definitions/template/template'
import {
  maximumFiles,
  maximumTotal,
  type TemplateEntry,
  type TemplateFiles,
  type TemplateTree,
  tooLarge,
} from './tree'

/** The templates that are shipped with Berth: each a folder of `root`. */
export async function folderTree(root: string): Promise<TemplateTree> {
  const names = (await readdir(root).catch(() => [])).sort()
  const found = await Promise.all(
    names.map(async (name) =>
      (await lstat(join(root, name, templateFile)).catch(() => undefined))?.isFile() ? [name] : [],
    ),
  )
  const folders = new Map(found.flat().map((name) => [name, name]))
  return {
    folders,
    describe: (id) => readFile(join(root, id, templateFile)),
    files: (id) => readFiles(join(root, id), id),
  }
}

async function readFiles(folder: string, id: string): Promise<TemplateFiles> {
  const entries: TemplateEntry[] = []
  const leftOut: { path: string; reason: string }[] = []
  let total = 0
  const visit = async (below: string): Promise<void> => {
    for (const entry of (await readdir(join(folder, below), { withFileTypes: true })).sort((one, other) =>
      one.name < other.name ? -1 : 1,
    )) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) await visit(path)
      else if (!entry.isFile()) leftOut.push({ path, reason: 'It is no plain file' })
      else {
        const bytes = await readFile(join(folder, path))
        total += bytes.length
        if (total > maximumTotal || entries.length >= maximumFiles) throw tooLarge(id)
        const { mode } = await lstat(join(folder, path))
        entries.push({ path, bytes, executable: (mode & 0o100) !== 0 })
      }
    }
  }
  await visit('')
  return { entries, leftOut }
}
