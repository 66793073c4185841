import { posix } from 'node:path'
import type { Definition } from '#contract'

/** Where the source's volume is mounted when the source lies below it. */
const WORKSPACES = '/workspaces'
/** The same for devfiles, which have several projects side by side there (devfile, "sourceMapping"). */
const PROJECTS = '/projects'

/**
 * Where the source's volume is mounted: `/workspaces` or `/projects` where the source lies below, else the source
 * folder itself.
 */
export function sourceMount(sourceFolder: string): string {
  if (isBelow(sourceFolder, WORKSPACES)) return WORKSPACES
  return isBelow(sourceFolder, PROJECTS) ? PROJECTS : sourceFolder
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
  const path = plainPath(home)
  return home.startsWith('/') && path !== '/' && path !== PROJECTS && !isBelow(home, WORKSPACES)
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
