import { posix } from 'node:path'
import type { SourceMount, WrittenFile } from '#contract'
import { containerPath, insideRepository } from '../paths'
import { fieldLayers, itemsOf, type Layer, lastLayer } from './layer'
import type { Project } from './project'
import { type AttachedKind, contentOf, withContent } from './written-files'

/** Where Compose puts them, unless the service says otherwise. */
const folders = { secrets: '/run/secrets', configs: '/' } as const

/** `secrets` and `configs` of a service. */
export interface Attached {
  /** Files of the source. */
  readonly mounts: readonly SourceMount[]
  /** Those that are written into its container. */
  readonly files: readonly WrittenFile[]
}

/**
 * `secrets` and `configs` as a service sees them in their places (Compose specification, "secrets", "configs"): files of
 * the source, values of this machine's environment, and texts of the Compose files. Those of other kinds are named.
 */
export function readAttached(layers: readonly Layer[], project: Project): Attached {
  const mounts = new Map<string, SourceMount>()
  const files = new Map<string, WrittenFile>()
  for (const kind of ['secrets', 'configs'] as const) {
    for (const item of itemsOf(fieldLayers(layers, kind))) {
      const found = attach(item, kind, project)
      if (!found) continue
      // The last of two at one place counts.
      mounts.delete(found.target)
      files.delete(found.target)
      if ('path' in found) mounts.set(found.target, found)
      else files.set(found.target, found)
    }
  }
  return { mounts: [...mounts.values()], files: withContent(layers, [...files.values()]) }
}

function attach(item: Layer, kind: AttachedKind, project: Project): SourceMount | WrittenFile | undefined {
  const simple = item.value.type !== 'object'
  const source = simple ? item : lastLayer([item], 'source')
  if (!source) throw item.value.mustBe('an object with "source"', `Name one of those under "${kind}".`)
  const name = source.value.text()
  const declared = project[kind].get(name)?.filter(({ value }) => value.type === 'object')
  if (!declared) {
    throw source.value.mustBe(
      `one of those that the files declare under "${kind}"`,
      'Declare it, with its file.',
    )
  }
  const said = simple ? undefined : lastLayer([item], 'target')
  const target = containerPath(posix.resolve(folders[kind], said?.value.text() ?? name))
  if (target === undefined || target === '/') throw (said ?? item).value.mustBe('the path of a file')
  const file = lastLayer(declared, 'file')
  if (!file) return contentOf(item, { kind, name, declared, target })
  const path = insideRepository(file.file.folder, file.value.text())
  if (path === undefined || path === '.') {
    item.value.ignore('its file lies outside of the source, which alone is there')
    return undefined
  }
  for (const [field, setting] of simple ? [] : item.fields()) {
    if (field !== 'source' && field !== 'target' && setting.type !== 'null')
      setting.ignore('the file keeps the owner and the rights that it has in the source')
  }
  return { path, target, readOnly: true }
}
