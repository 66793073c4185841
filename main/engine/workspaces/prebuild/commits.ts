import type { Platform } from '../../platform/platform'
import { Git, type GitSource } from '../git'
import { refOf } from './match'

/** The commit that a source means just now, as its server tells; undefined where it does not. */
export async function remoteCommit(
  platform: Platform,
  source: GitSource,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = refOf(source)
  if (source.ref?.kind === 'commit') return /^[0-9a-f]{40}$/.test(name) ? name : undefined
  const git = new Git(platform, source.url, signal)
  const wanted = name === '' ? ['HEAD'] : [`refs/heads/${name}`, `refs/tags/${name}^{}`, `refs/tags/${name}`]
  const { code, stdout } = await git.try(['ls-remote', '--', source.url, ...wanted])
  if (code !== 0) return undefined
  const found = new Map(
    Buffer.from(stdout, 'latin1')
      .toString('utf8')
      .split('\n')
      .map((line) => [line.slice(line.indexOf('\t') + 1), line.slice(0, line.indexOf('\t'))]),
  )
  return wanted.map((ref) => found.get(ref)).find((commit) => commit !== undefined)
}

/** The commit that is checked out in a clone. Rejects where there is none. */
export async function commitOf(
  platform: Platform,
  source: GitSource,
  clone: string,
  signal: AbortSignal,
): Promise<string> {
  const git = new Git(platform, source.url, signal)
  return (await git.run(['-C', clone, 'rev-parse', '--verify', 'HEAD^{commit}'])).trim()
}

/**
 * Paths, one character per byte, that differ between two commits, parents first; undefined where the clone does not have
 * the older one.
 */
export async function changedPaths(
  platform: Platform,
  source: GitSource,
  clone: string,
  { from, to }: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const git = new Git(platform, source.url, signal)
  const { code } = await git.try(['-C', clone, 'cat-file', '-e', `${from}^{commit}`])
  if (code !== 0) return undefined
  const options = ['-r', '-z', '--name-only', '--no-renames', '--ignore-submodules=none']
  const listing = await git.run(['-C', clone, 'diff-tree', ...options, from, to])
  return listing
    .split('\0')
    .filter((path) => path !== '')
    .sort()
}
