import { randomInt } from 'node:crypto'
import { basename } from 'node:path'
import type { Definition, Source } from '#contract'

const longest = 40

/** The last part of what names the source: the repository's, folder's or image's own name. */
function ownName(source: Source): string {
  switch (source.kind) {
    case 'git':
      return (
        source.url
          .replace(/[/\\]+(?:\.git[/\\]*)?$/, '')
          .split(/[/:\\]/)
          .at(-1) ?? ''
      ).replace(/\.git$/, '')
    case 'folder':
      return basename(source.path)
    case 'image':
      return (source.image.split('/').at(-1) ?? '').replace(/[:@].*$/, '')
  }
}

/** A workspace's name made from its source: a DNS label of at most 40 characters. */
export function deriveName(source: Source): string {
  let decoded = ownName(source)
  try {
    decoded = decodeURIComponent(decoded)
  } catch {
    // A stray percent sign: taken as it is.
  }
  const label = decoded
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, longest)
    .replace(/^-+|-+$/g, '')
  return label === '' ? 'workspace' : label
}

/**
 * The name of the source's folder inside the workspace: the repository's own, as people and scripts know it, with
 * what a path cannot safely have replaced.
 */
export function sourceFolderName(source: Source): string {
  const name = ownName(source)
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[-.]+/, '')
    .slice(0, 100)
  return name === '' ? deriveName(source) : name
}

/** `base`, or `base-2`, `base-3` … that is not taken. */
export function uniqueName(base: string, taken: ReadonlySet<string>): string {
  if (!taken.has(base)) return base
  for (let count = 2; ; count++) {
    const suffix = `-${count}`
    const name = base.slice(0, longest - suffix.length).replace(/-+$/, '') + suffix
    if (!taken.has(name)) return name
  }
}

/** Ten characters of `[a-z0-9]`, the first a letter: about 51 bits. */
export function newWorkspaceId(): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const all = `${letters}0123456789`
  let id = letters[randomInt(letters.length)] ?? 'a'
  while (id.length < 10) id += all[randomInt(all.length)]
  return id
}

/**
 * Where the source's root folder is inside the workspace, where the definition does not say it. A workspaceFolder
 * below `/workspaces/<x>` may be a folder of the repository; one anywhere else is the repository's root itself.
 */
export function sourceFolder(
  { workspaceFolder, sourceFolder: said }: Pick<Definition, 'workspaceFolder' | 'sourceFolder'>,
  sourceName: string,
): string {
  if (said !== undefined) return said
  if (workspaceFolder === '/workspaces') return `/workspaces/${sourceName}`
  const below = /^\/workspaces\/[^/]+/.exec(workspaceFolder)
  return below ? below[0] : workspaceFolder
}
