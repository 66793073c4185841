import type { DefinitionContext, RepositoryReader } from './reader'

/** A repository of a few texts. */
export function memoryReader(files: Readonly<Record<string, string>>): RepositoryReader {
  const inside = (folder: string) => (folder === '.' ? '' : `${folder}/`)
  return {
    read: async (path) => (Object.hasOwn(files, path) ? new TextEncoder().encode(files[path]) : undefined),
    exists: async (path) =>
      path === '.' ||
      Object.hasOwn(files, path) ||
      Object.keys(files).some((name) => name.startsWith(`${path}/`)),
    list: async (folder) => {
      const names = Object.keys(files)
        .filter((name) => name.startsWith(inside(folder)))
        .map((name) => name.slice(inside(folder).length).split('/')[0] ?? '')
      return [...new Set(names)].sort()
    },
  }
}

export const testContext: DefinitionContext = {
  workspaceId: 'abcdefghij',
  sourceName: 'app',
  defaultImage: 'debian:bookworm',
  env: { HOME: '/home/me', TOKEN: 'hunter2' },
  bindMounts: true,
}
