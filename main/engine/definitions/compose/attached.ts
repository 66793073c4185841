import { posix } from 'node:path'
import type { SourceMount } from '#contract'
import { containerPath, insideRepository } from '../paths'
import { fieldLayers, itemsOf, type Layer, lastLayer } from './layer'
import type { Project } from './project'

/** Where Compose puts them, unless the service says otherwise. */
const folders = { secrets: '/run/secrets', configs: '/' } as const

/**
 * `secrets` and `configs` that are files of the source, which a service then sees in their places. Those of other kinds
 * are named.
 */
export function readAttached(layers: readonly Layer[], project: Project): SourceMount[] {
  const mounts = new Map<string, SourceMount>()
  for (const kind of ['secrets', 'configs'] as const) {
    for (const item of itemsOf(fieldLayers(layers, kind))) {
      const mount = attach(item, kind, project)
      if (mount) mounts.set(mount.target, mount)
    }
  }
  return [...mounts.values()]
}

function attach(item: Layer, kind: 'secrets' | 'configs', project: Project): SourceMount | undefined {
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
  const file = lastLayer(declared, 'file')
  if (!file) {
    item.value.ignore(withoutFile(declared))
    return undefined
  }
  const path = insideRepository(file.file.folder, file.value.text())
  if (path === undefined || path === '.') {
    item.value.ignore('its file lies outside of the source, which alone is there')
    return undefined
  }
  for (const [field, setting] of simple ? [] : item.fields()) {
    if (field !== 'source' && field !== 'target' && setting.type !== 'null')
      setting.ignore('the file keeps the owner and the rights that it has in the source')
  }
  const said = simple ? undefined : lastLayer([item], 'target')
  const target = containerPath(posix.resolve(folders[kind], said?.value.text() ?? name))
  if (target === undefined || target === '/') throw (said ?? item).value.mustBe('the path of a file')
  return { path, target, readOnly: true }
}

/** Why something is not put into a container that is no file of the source. */
function withoutFile(declared: readonly Layer[]): string {
  if (lastLayer(declared, 'environment'))
    return 'a value of your environment is not written into a file; pass it on with "environment"'
  if (lastLayer(declared, 'content'))
    return 'what stands in the Compose file itself is not put into a container; put it into a file of the source and name that with "file"'
  if (lastLayer(declared, 'external'))
    return 'what an engine or a swarm keeps itself is not there; put it into a file of the source and name that with "file"'
  return 'it has no "file" of the source'
}
