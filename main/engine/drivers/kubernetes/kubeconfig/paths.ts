import { delimiter, join, resolve } from 'node:path'
import type { Platform } from '../../../platform/platform'

/** The files that kubectl reads, in its order: those of KUBECONFIG, else `~/.kube/config`. They need not exist. */
export function kubeconfigPaths({ env, folders }: Pick<Platform, 'env' | 'folders'>): string[] {
  const listed = env.KUBECONFIG
  if (!listed) return [join(folders.home, '.kube', 'config')]
  const paths = listed.split(delimiter).filter((path) => path !== '')
  return [...new Set(paths.map((path) => resolve(path)))]
}
