import { posix } from 'node:path'
import { problem } from '#contract'
import { templateFile } from '../definitions/template/template'
import type { Platform } from '../platform/platform'
import { Git } from '../workspaces/git'
import { foldersOf, maximumFiles, maximumTotal, nameFault, type TemplateTree, tooLarge } from './tree'

/** A repository with more entries is none of templates alone. */
const maximumEntries = 50_000
/** Processes of git at a time. */
const atOnce = 8

interface Blob {
  readonly mode: string
  readonly id: string
  readonly size: number
  readonly path: string
}

/**
 * The templates of a commit, read out of a bare repository: nothing is ever checked out, so that no link is followed,
 * no filter and no hook runs. `rootName` names a template in the repository's root.
 */
export async function commitTree(
  platform: Platform,
  place: { readonly url: string; readonly repository: string; readonly commit: string },
  rootName: string,
  signal: AbortSignal,
): Promise<TemplateTree> {
  const git = new Git(platform, place.url, signal)
  const at = ['-C', place.repository]
  const listing = await git.run([...at, 'ls-tree', '-r', '-z', '-l', '--full-tree', place.commit])
  const blobs = parseListing(Buffer.from(listing, 'latin1').toString('utf8'))
  if (blobs.length > maximumEntries) {
    throw problem({
      code: 'definition-invalid',
      title: `${place.url} is too large`,
      cause: `It has more than ${maximumEntries} files.`,
      remedy: 'A repository of templates is a small one; check that it is the right one.',
    })
  }
  const read = async (blob: Blob) =>
    Buffer.from(await git.run([...at, 'cat-file', 'blob', blob.id]), 'latin1')
  const folders = foldersOf(
    blobs.filter(({ mode }) => mode.startsWith('100')).map(({ path }) => path),
    rootName,
  )
  const inside = (id: string) => {
    const folder = folders.get(id) ?? id
    const start = folder === '.' ? '' : `${folder}/`
    return blobs
      .filter(({ path }) => path.startsWith(start))
      .map((blob) => ({ blob, path: blob.path.slice(start.length) }))
  }
  return {
    folders,
    async describe(id) {
      const path = posix.join(folders.get(id) ?? id, templateFile)
      const blob = blobs.find((one) => one.path === path)
      if (!blob) throw new Error(`${path} is not in the commit`)
      if (blob.size > maximumTotal) throw tooLarge(id)
      return read(blob)
    },
    async files(id) {
      const taken: { readonly blob: Blob; readonly path: string }[] = []
      const leftOut: { path: string; reason: string }[] = []
      for (const one of inside(id)) {
        const reason = reasonToLeaveOut(one.blob.mode) ?? nameFault(one.path)
        if (reason === undefined) taken.push(one)
        else leftOut.push({ path: one.path, reason })
      }
      const total = taken.reduce((sum, { blob }) => sum + blob.size, 0)
      if (total > maximumTotal || taken.length > maximumFiles) throw tooLarge(id)
      const entries = await inTurn(taken, async ({ blob, path }) => ({
        path,
        bytes: await read(blob),
        executable: blob.mode === '100755',
      }))
      return { entries, leftOut }
    },
  }
}

function reasonToLeaveOut(mode: string): string | undefined {
  if (mode === '120000') return 'It is a link'
  if (mode === '160000') return 'It is a submodule'
  return undefined
}

/** `mode type id size\tpath`, each ended by a zero byte. */
function parseListing(text: string): readonly Blob[] {
  return text.split('\0').flatMap((line) => {
    const tab = line.indexOf('\t')
    const [mode, , id, size] = line.slice(0, Math.max(0, tab)).split(/ +/)
    if (mode === undefined || id === undefined) return []
    return [{ mode, id, size: Number(size) || 0, path: line.slice(tab + 1) }]
  })
}

/** All of them, a few at a time, in their order. */
async function inTurn<T, R>(list: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < list.length; start += atOnce)
    results.push(...(await Promise.all(list.slice(start, start + atOnce).map(act))))
  return results
}
