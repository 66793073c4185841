import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import {
  type Definition,
  grantedRights,
  isSameRight,
  type Mount,
  maximumRights,
  type NotApplied,
  type Right,
  type SourceMount,
  uniqueRights,
} from '#contract'

/** Of a right's path, in characters. */
const LONGEST = 480

/**
 * A definition whose wish for folders of this machine, other than the source, is among the rights that it asks for: who
 * has the engine's socket, or a home with its keys, has the machine. Parts of the source that lead out of it by a
 * symbolic link are left out, and named.
 */
export function withFolderRights(definition: Definition, localFolder: string | undefined): Definition {
  const kept = withoutEscapes(definition, localFolder)
  const foreign = (mounts: readonly Mount[], service?: string) =>
    mounts.filter((mount) => isForeign(mount, localFolder)).map((mount) => rightOf(mount, service))
  const rights = [
    ...foreign(kept.mounts),
    ...kept.services.flatMap(({ mounts, name }) => foreign(mounts, name)),
  ]
  if (rights.length === 0) return kept
  const { container } = kept
  return {
    ...kept,
    container: {
      ...container,
      rights: uniqueRights([...(container?.rights ?? []), ...rights]).slice(0, maximumRights),
    },
  }
}

/** Without the mounts of folders of this machine that were not allowed. `localFolder` as in {@link withFolderRights}. */
export function withoutWithheldFolders(definition: Definition, localFolder: string | undefined): Definition {
  const granted = grantedRights(definition.container)
  const staying = (mounts: readonly Mount[], service?: string) =>
    mounts.filter((mount) => {
      const right = rightOf(mount, service)
      return !isForeign(mount, localFolder) || granted.some((one) => isSameRight(one, right))
    })
  const all = [definition, ...definition.services]
  if (all.every(({ mounts }) => mounts.every((mount) => !isForeign(mount, localFolder)))) return definition
  return {
    ...definition,
    mounts: staying(definition.mounts),
    services: definition.services.map((service) => ({
      ...service,
      mounts: staying(service.mounts, service.name),
    })),
  }
}

function rightOf({ source = '', readOnly }: Mount, service?: string): Right {
  // Two paths are never one right, however long they are.
  const digest = createHash('sha256').update(source).digest('hex')
  const path = source.length > LONGEST ? `${source.slice(0, LONGEST - digest.length - 1)}…${digest}` : source
  return {
    kind: 'folder',
    value: `${path}${readOnly ? ':ro' : ''}`,
    ...(service === undefined ? {} : { service }),
  }
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
