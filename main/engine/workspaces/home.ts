import { posix } from 'node:path'

/** Folders that the source's volume is mounted at as a whole where the source lies below. */
const roots = ['/workspaces', '/projects']

/** Whether the user's home has a volume of its own: one that is the root, or lies among the sources, can have none. */
export function keepsOwnHome(home: string): boolean {
  const path = posix.normalize(home).replace(/(?<=.)\/$/, '')
  return path.startsWith('/') && path !== '/' && !roots.includes(path) && !path.startsWith('/workspaces/')
}

/** What the source's volume holds: a folder that others may lie in beside the source, or the source itself. */
export function sourceRoot(sourceFolder: string): string {
  return roots.find((each) => sourceFolder.startsWith(`${each}/`)) ?? sourceFolder
}

/** Whether a path lies on the volume of the source, or in the folder of this machine that is mounted in its place. */
export function liesWithSource(path: string, sourceFolder: string): boolean {
  const root = sourceRoot(sourceFolder)
  return path === root || path.startsWith(`${root}/`)
}
