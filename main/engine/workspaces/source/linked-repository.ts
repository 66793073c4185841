import { readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, posix, resolve } from 'node:path'
import type { Definition, Mount } from '#contract'

/** What the `.git` file of a folder means for git in a workspace that the folder is mounted into. */
export type LinkedRepository =
  /** With this mount git finds the repository where the file says that it is. */
  | { readonly mount: Mount }
  /** Why git will not work there, and what to do. */
  | { readonly reason: string }

const otherwise = 'to use git inside, make the workspace from the repository’s own folder or URL'

/**
 * Looks whether a folder is a git worktree, or another one whose `.git` is a file that leads to a repository somewhere
 * else (gitrepository-layout(5)). Undefined where it is not: git then finds all that it needs inside the folder.
 * `inside` is where the folder is in the workspace.
 */
export async function findLinkedRepository(
  folder: string,
  inside: string,
): Promise<LinkedRepository | undefined> {
  const entry = join(folder, '.git')
  if (!(await stat(entry).catch(() => undefined))?.isFile()) return undefined
  const named = /^gitdir: (.+?)\r?\n?$/.exec(await text(entry))?.[1]
  if (named === undefined) return undefined
  const gitFolder = resolve(folder, named)
  const common = (await text(join(gitFolder, 'commondir'))).trim()
  if (common === '' && /^\s*worktree\s*=/m.test(await text(join(gitFolder, 'config'))))
    return {
      reason: `it is a submodule of ${dirname(gitFolder)}, whose place is not part of the workspace; ${otherwise}`,
    }
  const source = resolve(gitFolder, common)
  if (!(await isRepository(source))) return { reason: `there is no repository at ${source}; ${otherwise}` }
  // As git will read the same lines inside.
  const target = posix.resolve(inside, named, common)
  const reachable = process.platform !== 'win32' && !isAbsolute(common) && target !== '/'
  if (!reachable) return { reason: `its repository, ${source}, has no place in the workspace; ${otherwise}` }
  return { mount: { type: 'bind', source, target, ofSource: true } }
}

/** The definition with the repository of a folder that is mounted, or with why git has none. */
export async function withLinkedRepository(
  definition: Definition,
  folder: string,
  inside: string,
): Promise<Definition> {
  const linked = await findLinkedRepository(folder, inside)
  if (!linked) return definition
  if ('reason' in linked)
    return { ...definition, notApplied: [...definition.notApplied, { field: '.git', reason: linked.reason }] }
  const taken = definition.mounts.some(({ target }) => posix.normalize(target) === linked.mount.target)
  return taken ? definition : { ...definition, mounts: [...definition.mounts, linked.mount] }
}

/** Why git will not work in a copy of the folder; undefined where it will. */
export async function unlinkedReason(folder: string): Promise<string | undefined> {
  const linked = await findLinkedRepository(folder, folder)
  if (!linked) return undefined
  return 'reason' in linked
    ? linked.reason
    : `its repository, ${linked.mount.source}, is not copied along; ${otherwise}`
}

/** Nothing else is mounted, whatever the files of a folder say that somebody else wrote. */
async function isRepository(folder: string): Promise<boolean> {
  const parts = await Promise.all(
    ['HEAD', 'objects', 'refs'].map((name) => stat(join(folder, name)).catch(() => undefined)),
  )
  return parts.every((part) => part !== undefined)
}

async function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
