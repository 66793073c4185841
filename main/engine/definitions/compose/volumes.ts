import { posix } from 'node:path'
import type { Mount } from '#contract'
import { readTmpfs, sizeOf } from '../container/index'
import { shorten } from '../document/value'
import { containerPath, withinFolder } from '../paths'
import type { DefinitionContext } from '../reader'
import { fieldLayers, flag, itemsOf, type Layer, lastLayer, plainText } from './layer'
import type { Project } from './project'
import { ignoreUnset } from './unset'
import { folderOfSource } from './variables'

const example = 'Write, for example, "..:/workspaces/app" or "data:/var/lib/data".'

/** The source, a part of it, or a folder that holds it, at a place of the container. */
export interface SourceBind {
  /** Relative to the repository's root; `.` is the root itself, which then lies `above` folders below the target. */
  readonly path: string
  readonly above: number
  readonly target: string
  readonly readOnly: boolean
  readonly layer: Layer
}

export interface ServiceVolumes {
  readonly mounts: readonly Mount[]
  readonly binds: readonly SourceBind[]
}

/** One volume as it is written, in short or at length. */
interface Written {
  readonly type: string
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
  /** Of tmpfs, in bytes. */
  readonly size?: number | undefined
  readonly layer: Layer
}

/**
 * `volumes` and `tmpfs`, of which the last with the same target counts. `ofWorkspace`: of the workspace's own service,
 * which alone can have a volume that is there already.
 */
export function readVolumes(
  layers: readonly Layer[],
  project: Project,
  context: DefinitionContext,
  ofWorkspace: boolean,
): ServiceVolumes {
  const written = new Map<string, Written>()
  for (const layer of itemsOf(fieldLayers(layers, 'volumes'), example)) {
    const volume = layer.value.type === 'object' ? long(layer) : short(layer)
    if (volume) written.set(volume.target, volume)
  }
  for (const layer of itemsOf(fieldLayers(layers, 'tmpfs'))) {
    const { target, size } = readTmpfs(layer.value.text(), layer.value)
    written.set(target, { type: 'tmpfs', source: '', target, readOnly: false, layer, ...(size && { size }) })
  }
  const mounts: Mount[] = []
  const binds: SourceBind[] = []
  for (const volume of written.values()) {
    const made = make(volume, project, context, ofWorkspace)
    if (made && 'type' in made) mounts.push(made)
    else if (made) binds.push(made)
  }
  return { mounts, binds }
}

function make(
  volume: Written,
  project: Project,
  context: DefinitionContext,
  ofWorkspace: boolean,
): Mount | SourceBind | undefined {
  const { type, source, target, readOnly, layer } = volume
  const base = { target, ...(readOnly ? { readOnly } : {}) }
  switch (type) {
    case 'tmpfs':
      return { type, ...base, ...(volume.size === undefined ? {} : { size: volume.size }) }
    case 'volume':
      if (source === '') return { type, ...base }
      return namedVolume(source, base, layer, project, ofWorkspace)
    case 'bind':
      return bind(volume, context)
    default:
      layer.value.ignore(`mounts of the type ${shorten(type)} are not made`)
      return undefined
  }
}

function namedVolume(
  name: string,
  base: Omit<Mount, 'type'>,
  layer: Layer,
  project: Project,
  ofWorkspace: boolean,
): Mount {
  const declared = project.volumes.get(name)
  if (!declared) {
    throw layer.value.mustBe(
      `a volume that the files declare (there is no ${JSON.stringify(shorten(name))} under "volumes")`,
      `Add "volumes: {${shorten(name)}: }" to the file, or begin the path of a folder with "./".`,
    )
  }
  const said = declared.filter(({ value }) => value.type === 'object')
  const external = lastLayer(said, 'external')
  const isExternal = external !== undefined && (external.value.type === 'object' || flag(external))
  for (const field of ['driver', 'driver_opts', ...(isExternal ? [] : ['name'])]) {
    lastLayer(said, field)?.value.ignore("the volume is the workspace's own, kept in the target's usual way")
  }
  if (!isExternal) return { type: 'volume', source: name, ...base, ofWorkspace: true }
  if (!ofWorkspace) {
    external.value.ignore("services have volumes of the workspace's own, not those that are there already")
    return { type: 'volume', source: name, ...base, ofWorkspace: true }
  }
  const known =
    lastLayer(said, 'name') ?? (external.value.type === 'object' ? lastLayer([external], 'name') : undefined)
  const source = known?.value.text() ?? name
  if (!volumeName.test(source)) {
    throw (known ?? layer).value.mustBe('the name of a volume', 'Use letters, digits, ".", "_" and "-" only.')
  }
  return { type: 'volume', source, ...base }
}

/** No system opens longer paths. */
const longest = 4096

const volumeName = /^[A-Za-z0-9][\w.-]{0,200}$/

/** Where a folder is that Compose would mount: in the source, around it, or somewhere else on this machine. */
function bind(volume: Written, context: DefinitionContext): Mount | SourceBind | undefined {
  const { target, readOnly, layer } = volume
  const { file, value } = layer
  if (volume.source.length > longest) throw value.mustBe('a path that is not too long')
  const source = volume.source.replaceAll('\\', '/')
  const root = folderOfSource(context)
  let path = source
  if (source === '~' || source.startsWith('~/')) {
    const home = context.env.HOME ?? context.env.USERPROFILE
    if (home === undefined) {
      value.ignore('your home folder is not known')
      return undefined
    }
    path = home.replaceAll('\\', '/') + source.slice(1)
  }
  const absolute = /^(?:\/|[A-Za-z]:\/)/.test(path)
  let relative = absolute ? withinFolder(path, root) : posix.normalize(posix.join(file.folder, path))
  // From above, and down again by the source's own name.
  const own = `../${context.sourceName}`
  if (relative === own || relative?.startsWith(`${own}/`)) relative = relative.slice(own.length + 1) || '.'
  if (relative !== undefined) {
    const trimmed = relative.replace(/(?<=.)\/$/, '')
    if (/^(?:\.\.\/)*\.\.$/.test(trimmed)) {
      return { path: '.', above: trimmed.split('/').length, target, readOnly, layer }
    }
    if (trimmed !== '..' && !trimmed.startsWith('../'))
      return { path: trimmed, above: 0, target, readOnly, layer }
    if (context.localFolder === undefined) {
      value.ignore('it lies outside of the source, which alone is there')
      return undefined
    }
    path = posix.normalize(posix.join(root, trimmed))
  }
  if (!context.bindMounts) {
    value.ignore('this target cannot mount folders of this machine')
    return undefined
  }
  return { type: 'bind', source: path, target, ...(readOnly ? { readOnly } : {}) }
}

/** `[source:]target[:options]`, where a source can begin with a drive of Windows. */
function short(layer: Layer): Written | undefined {
  const text = layer.value.text(example).trim()
  // `c:/x` alone is a volume of one letter.
  const drive = /^[A-Za-z]:(?:\\|\/[^:]*:\/)/.test(text) ? text.slice(0, 2) : ''
  const parts = text.slice(drive.length).split(':')
  if (parts.length > 3) throw layer.value.mustBe('a volume', example)
  const [first = '', second, options = ''] = parts
  if (second === undefined) {
    const target = targetPath(layer, first)
    return { type: 'volume', source: '', target, readOnly: false, layer }
  }
  const source = drive + first
  const isPath = drive !== '' || /^[./~]/.test(source)
  if (source === '' && ignoreUnset(layer)) return undefined
  if (!isPath && !volumeName.test(source)) {
    throw layer.value.mustBe(
      'the name of a volume, or a path that begins with "./" or "/", before the ":"',
      example,
    )
  }
  let readOnly = false
  for (const option of options.split(',')) {
    if (option === 'ro') readOnly = true
    else if (!ownOptions.includes(option))
      layer.value.ignore(`the option ${shorten(option)} is not applied; the mount itself is`)
  }
  return { type: isPath ? 'bind' : 'volume', source, target: targetPath(layer, second), readOnly, layer }
}

/** What changes nothing that anybody sees: how fast Docker Desktop passes changes on, labels of SELinux. */
const ownOptions = ['', 'rw', 'cached', 'delegated', 'consistent', 'z', 'Z', 'nocopy', 'volume-nocopy']

const longFields = ['type', 'source', 'target', 'read_only', 'consistency']

function long(layer: Layer): Written {
  const type = lastLayer([layer], 'type')?.value.text() ?? 'volume'
  const source = lastLayer([layer], 'source')
  const target = lastLayer([layer], 'target')
  if (!target) throw layer.value.mustBe('an object with "target"', example)
  for (const [name, value] of layer.fields()) {
    if (value.type === 'null' || longFields.includes(name)) continue
    const known = (name === 'bind' || name === 'volume' || name === 'tmpfs') && value.type === 'object'
    for (const [option, setting] of known ? value.fields() : []) {
      if (!['create_host_path', 'selinux', 'nocopy', ...(type === 'tmpfs' ? ['size'] : [])].includes(option))
        setting.ignore('this option is not applied; the mount itself is')
    }
    if (!known) value.ignore('this option is not applied; the mount itself is')
  }
  const limit = type === 'tmpfs' ? lastLayer(fieldLayers([layer], 'tmpfs'), 'size') : undefined
  const size = limit && sizeOf(plainText(limit))
  if (limit && size === undefined) throw limit.value.mustBe('a size such as 64m')
  const named = source?.value.text() ?? ''
  if (type === 'bind' && named === '') throw layer.value.mustBe('a bind mount with a source', example)
  if (type === 'volume' && named !== '' && !volumeName.test(named)) {
    throw source?.value.mustBe('the name of a volume', 'Write "type: bind" beside the path of a folder.')
  }
  const readOnly = flag(lastLayer([layer], 'read_only'))
  return { type, source: named, target: targetPath(target, target.value.text()), readOnly, size, layer }
}

function targetPath(layer: Layer, text: string): string {
  const path = containerPath(text)
  if (path === undefined || path === '/') throw layer.value.mustBe('a mount with an absolute target', example)
  return path
}
