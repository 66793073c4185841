import { realpathSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import {
  type Definition,
  grantedRights,
  type Mount,
  type NotApplied,
  type Right,
  type SourceMount,
  uniqueRights,
} from '#contract'

/**
 * A definition whose wish for folders of this machine, other than the source, is among the rights that it asks for: who
 * has the engine's socket, or a home with its keys, has the machine. Parts of the source that lead out of it by a
 * symbolic link are left out, and named.
 */
export function withFolderRights(definition: Definition, localFolder: string | undefined): Definition {
  const kept = withoutEscapes(definition, localFolder)
  const rights = mountsOf(kept)
    .filter((mount) => isForeign(mount, localFolder))
    .map(rightOf)
  if (rights.length === 0) return kept
  const { container } = kept
  return {
    ...kept,
    container: { ...container, rights: uniqueRights([...(container?.rights ?? []), ...rights]) },
  }
}

/** Without the mounts of folders that were asked for as {@link withFolderRights} has it, and not allowed. */
export function withoutWithheldFolders(definition: Definition): Definition {
  const asked = new Set(
    definition.container?.rights.filter(({ kind }) => kind === 'folder').map(({ value }) => value),
  )
  if (asked.size === 0) return definition
  const granted = new Set(
    grantedRights(definition.container)
      .filter(({ kind }) => kind === 'folder')
      .map(({ value }) => value),
  )
  const stays = (mount: Mount) => {
    const { value } = rightOf(mount)
    return mount.type !== 'bind' || mount.ofSource || !asked.has(value) || granted.has(value)
  }
  return {
    ...definition,
    mounts: definition.mounts.filter(stays),
    services: definition.services.map((service) => ({ ...service, mounts: service.mounts.filter(stays) })),
  }
}

function mountsOf({ mounts, services }: Definition): Mount[] {
  return [...mounts, ...services.flatMap((service) => service.mounts)]
}

function rightOf({ source = '', readOnly }: Mount): Right {
  return { kind: 'folder', value: `${source.slice(0, 490)}${readOnly ? ':ro' : ''}` }
}

function isForeign({ type, source = '', ofSource }: Mount, localFolder: string | undefined): boolean {
  return type === 'bind' && !ofSource && (localFolder === undefined || !leadsInto(source, localFolder))
}

function withoutEscapes(definition: Definition, localFolder: string | undefined): Definition {
  if (localFolder === undefined) return definition
  const named: NotApplied[] = []
  const inside = (parts: readonly SourceMount[]) =>
    parts.filter(({ path }) => {
      if (leadsInto(join(localFolder, path), localFolder)) return true
      named.push({ field: `mount ${path}`, reason: 'it leads out of the source by a symbolic link' })
      return false
    })
  const { sourceMounts, services } = definition
  const kept: Definition = {
    ...definition,
    ...(sourceMounts && { sourceMounts: inside(sourceMounts) }),
    services: services.map((service) =>
      service.sourceMounts ? { ...service, sourceMounts: inside(service.sourceMounts) } : service,
    ),
  }
  return named.length === 0 ? definition : { ...kept, notApplied: [...definition.notApplied, ...named] }
}

/** Whether a path is a folder or in it, whatever symbolic links lead to. What is not there yet leads nowhere else. */
function leadsInto(path: string, folder: string): boolean {
  const within = relative(real(folder), real(path))
  return within === '' || (!isAbsolute(within) && within !== '..' && !within.startsWith(`..${sep}`))
}

/** With all symbolic links followed, as far as the path exists. */
function real(path: string): string {
  let rest = ''
  let existing = path
  for (;;) {
    try {
      return join(realpathSync(existing), rest)
    } catch {
      const parent = join(existing, '..')
      if (parent === existing) return path
      rest = join(existing.slice(parent.length), rest)
      existing = parent
    }
  }
}
