import { posix } from 'node:path'
import type { Definition } from '#contract'

/** Where the source's volume is mounted when the source lies below it. */
export const WORKSPACES = '/workspaces'

/** Where the source's volume is mounted: `/workspaces`, or the source folder itself where that lies elsewhere. */
export function sourceMount(sourceFolder: string): string {
  return isBelow(sourceFolder, WORKSPACES) ? WORKSPACES : sourceFolder
}

/** In what other repositories of a definition lie, each of which makes its own folder itself. */
export function repositoryParents({ repositories }: Pick<Definition, 'repositories'>): string[] {
  return repositories.map(({ folder }) => posix.dirname(plainPath(folder)))
}

/** An absolute path in its shortest form, without a slash at its end. */
export function plainPath(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, '')
}

/** A home that is the root, or lies among the sources, can have no volume of its own. */
export function keepsHome(home: string): boolean {
  return home.startsWith('/') && posix.normalize(home) !== '/' && !isBelow(home, WORKSPACES)
}

/** Whether `path` is `parent` or lies in it. Both are absolute. */
export function isBelow(path: string, parent: string): boolean {
  const normal = plainPath(path)
  return normal === parent || normal.startsWith(`${parent}/`)
}

/** Every folder between the home and a mount below it, parents first. */
export function onTheWayTo(targets: readonly string[], home: string): string[] {
  if (!keepsHome(home)) return []
  const folders = new Set<string>()
  for (const target of targets) {
    if (!isBelow(target, home)) continue
    const parts = posix.relative(home, posix.normalize(target)).split('/').slice(0, -1)
    for (const [index] of parts.entries()) folders.add(posix.join(home, ...parts.slice(0, index + 1)))
  }
  return [...folders]
}

/**
 * The source volume's root, and every folder from there to the source, to where terminals start and to `more`,
 * parents first.
 */
export function sourceFolders(
  sourceFolder: string,
  workspaceFolder: string,
  more: readonly string[] = [],
): string[] {
  const root = sourceMount(sourceFolder)
  const folders = new Set([root])
  for (const folder of [sourceFolder, workspaceFolder, ...more]) {
    if (!isBelow(folder, root)) continue
    let path = root
    for (const part of posix.relative(root, posix.normalize(folder)).split('/')) {
      if (!part) continue
      path = posix.join(path, part)
      folders.add(path)
    }
  }
  return [...folders]
}
