import { posix } from 'node:path'
import type { SourceMount } from '#contract'
import type { DefinitionContext } from '../reader'
import { folderOfSource } from './variables'
import type { SourceBind } from './volumes'

export interface SourcePlace {
  /** Where the source's root is; absent: not there, or not said. */
  readonly sourceFolder?: string
  readonly sourceMounts?: SourceMount[]
}

/**
 * Where a container sees the source, from what of it is mounted. The root is the one around `workspaceFolder`, or else
 * the first; a root that cannot be written is a mount like the parts.
 */
export function placeSource(
  binds: readonly SourceBind[],
  attached: readonly SourceMount[],
  context: DefinitionContext,
  workspaceFolder: string | undefined,
): SourcePlace {
  const placed = binds.map((bind) => ({ bind, folder: rootFolder(bind, context, workspaceFolder) }))
  const roots = placed.filter(({ bind }) => bind.path === '.')
  const around = roots.filter(({ folder }) => workspaceFolder !== undefined && isIn(workspaceFolder, folder))
  const chosen = around[0] ?? roots.find(({ bind }) => !bind.readOnly) ?? roots[0]
  const parts = placed.filter((one) => one !== chosen).map(({ bind, folder }) => mountOf(bind, folder))
  const mounts = [...parts, ...attached]
  return {
    ...(chosen ? { sourceFolder: chosen.folder } : {}),
    ...(mounts.length > 0 ? { sourceMounts: mounts } : {}),
  }
}

/** As {@link placeSource}, for a service, which may see a root that it cannot write. */
export function placeForService(
  binds: readonly SourceBind[],
  attached: readonly SourceMount[],
  context: DefinitionContext,
): SourcePlace {
  const writable = binds.filter(({ readOnly }) => !readOnly)
  const place = placeSource(writable, attached, context, undefined)
  const fixed = binds
    .filter(({ readOnly }) => readOnly)
    .map((bind) => mountOf(bind, rootFolder(bind, context, undefined)))
  const mounts = [...(place.sourceMounts ?? []), ...fixed]
  return { ...place, ...(mounts.length > 0 ? { sourceMounts: mounts } : {}) }
}

function mountOf({ path, readOnly }: SourceBind, target: string): SourceMount {
  return { path, target, ...(readOnly ? { readOnly } : {}) }
}

/**
 * A folder above the repository holds it under its name. Where the workspace folder lies there too, it says by what
 * names its authors know the folders between, whatever they are called here.
 */
function rootFolder(
  { above, target }: SourceBind,
  context: DefinitionContext,
  workspaceFolder: string | undefined,
): string {
  if (above === 0) return target
  if (workspaceFolder !== undefined && workspaceFolder !== target && isIn(workspaceFolder, target)) {
    const parts = posix.relative(target, workspaceFolder).split('/')
    if (parts.length >= above) return posix.join(target, ...parts.slice(0, above))
  }
  const parents = context.localFolder ? folderOfSource(context).split('/').slice(0, -1) : []
  return posix.join(target, ...(above > 1 ? parents.slice(1 - above) : []), context.sourceName)
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}
