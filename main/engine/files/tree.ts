import { posix } from 'node:path'
import { problem } from '#contract'
import type { FileEntry, FileSession } from '../link/link'

/** Folders that are looked at together. */
const AT_ONCE = 16

export interface TreeEntry extends FileEntry {
  /** Below the top, with slashes. */
  readonly path: string
}

/** All that is below a folder of a workspace, folders before what they hold. Links are not followed. */
export async function* walk(session: FileSession, top: string): AsyncGenerator<TreeEntry, void> {
  let folders = ['']
  while (folders.length > 0) {
    const group = folders.splice(0, AT_ONCE)
    const found: string[] = []
    const lists = await Promise.all(
      group.map((folder) => session.list(folder === '' ? top : `${top}/${folder}`, Number.POSITIVE_INFINITY)),
    )
    for (const [index, { entries }] of lists.entries()) {
      for (const entry of entries) {
        const path = group[index] === '' ? entry.name : `${group[index]}/${entry.name}`
        if (entry.kind === 'folder') found.push(path)
        yield { ...entry, path }
      }
    }
    // The deepest first: fewer wait.
    folders = [...found, ...folders]
  }
}

/** As many links as Linux itself follows (path_resolution(7)). */
const LINK_LIMIT = 40

/** Where a path really leads to: no part of the answer is a link. What is not there is taken as it is. */
export async function followLinks(session: FileSession, path: string): Promise<string> {
  let left = path.split('/').filter(Boolean)
  let real = '/'
  for (let followed = 0; left.length > 0; ) {
    const [name = '', ...rest] = left
    const next = posix.join(real, name)
    const facts = name === '..' ? undefined : await session.lstat(next)
    left = rest
    if (facts?.kind !== 'link') {
      real = next
      continue
    }
    followed += 1
    if (followed > LINK_LIMIT)
      throw problem({
        code: 'file-not-found',
        title: `“${posix.basename(path)}” cannot be found`,
        cause: `More than ${LINK_LIMIT} symbolic links lead from one to the next.`,
        remedy: 'Choose what they are meant to lead to.',
      })
    const target = await session.readlink(next)
    if (target.startsWith('/')) real = '/'
    left = [...target.split('/').filter((part) => part !== '' && part !== '.'), ...rest]
  }
  return real
}

/** Deletes a file, a link (and not what it leads to), or a folder with all that it holds. */
export async function removeTree(session: FileSession, path: string, signal: AbortSignal): Promise<void> {
  const facts = await session.lstat(path)
  if (!facts) return
  if (facts.kind !== 'folder') return session.remove(path)
  const { entries } = await session.list(path, Number.POSITIVE_INFINITY)
  signal.throwIfAborted()
  const folders = entries.filter(({ kind }) => kind === 'folder')
  const others = entries.filter(({ kind }) => kind !== 'folder')
  await Promise.all(others.map(({ name }) => session.remove(`${path}/${name}`)))
  for (const { name } of folders) await removeTree(session, `${path}/${name}`, signal)
  await session.removeFolder(path)
}
