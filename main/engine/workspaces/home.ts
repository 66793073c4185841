import { posix } from 'node:path'

/** Whether the user's home has a volume of its own: one that is the root, or lies among the sources, can have none. */
export function keepsOwnHome(home: string): boolean {
  const path = posix.normalize(home)
  return path.startsWith('/') && path !== '/' && path !== '/workspaces' && !path.startsWith('/workspaces/')
}
