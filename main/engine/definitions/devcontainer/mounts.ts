import type { Definition, Mount, SourceMount } from '#contract'
import { sizeOf } from '../container/index'
import { shorten, type Value } from '../document/value'
import { containerPath, withinFolder } from '../paths'
import type { DefinitionContext } from '../reader'
import { namesVariable, unsetReason } from './unset'

const example = 'Write, for example, "type=volume,source=cache,target=/home/dev/.cache".'

/** Splits `a=b,"c=d,e",f` as Docker's `--mount` does: commas inside double quotes do not count. */
function splitOptions(text: string): [string, string][] {
  const options: [string, string][] = []
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,]+))(?:,|$)/g)) {
    const option = (match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim()
    const at = option.indexOf('=')
    options.push(
      at < 0 ? [option.toLowerCase(), ''] : [option.slice(0, at).trim().toLowerCase(), option.slice(at + 1)],
    )
  }
  return options
}

function readOptions(value: Value): Map<string, string> {
  if (value.type === 'string') return new Map(splitOptions(value.text(example)))
  const options = new Map<string, string>()
  for (const [name, field] of value.fields(example)) {
    if (field.type !== 'null')
      options.set(name.toLowerCase(), field.type === 'boolean' ? field.raw() : field.text())
  }
  return options
}

/**
 * `mounts`: Docker's `--mount` syntax or objects. What Docker would refuse is refused here, with its place. Parts of the
 * source go to `parts` where it is no folder that the target could mount. `root`: what stands for the source's folder in
 * the texts, which is what the variable `localWorkspaceFolder` gives.
 */
export function readMounts(
  value: Value,
  context: DefinitionContext,
  root: string,
  parts: SourceMount[],
): Mount[] {
  const mounts: Mount[] = []
  for (const item of value.items(example)) {
    const mount = readMount(item, context, root)
    if (mount && 'path' in mount) parts.push(mount)
    else if (mount) mounts.push(mount)
  }
  return mounts
}

/**
 * `workspaceMount`: where the source is seen. Its volume or folder is Berth's to choose, its place is the definition's.
 * A part of the source alone is seen there in addition: the whole is in the workspace always.
 */
export function readWorkspaceMount(
  value: Value,
  context: DefinitionContext,
  root: string,
): Pick<Definition, 'sourceFolder' | 'sourceMounts'> {
  // Nothing at all is what is written where the image brings the source.
  if (value.type === 'string' && value.text().trim() === '') {
    value.ignore('the source is in the workspace always')
    return {}
  }
  const { type, source, target, readOnly } = readOptionsOf(value)
  if (readOnly) value.ignore('the source can be written to; its place is applied')
  if (type !== 'bind' || source === undefined) return { sourceFolder: target }
  const path = withinFolder(source, root)
  if (path === '.') return { sourceFolder: target }
  if (path === undefined) {
    value.ignore('another folder than the source is named; the source is there in its place')
    return { sourceFolder: target }
  }
  return {
    sourceFolder: `/workspaces/${context.sourceName}`,
    sourceMounts: [{ path, target }],
  }
}

interface MountOptions {
  readonly type: string
  readonly source: string | undefined
  readonly target: string
  readonly readOnly: boolean
  /** Of tmpfs, in bytes. */
  readonly size?: number | undefined
}

function readOptionsOf(item: Value, options: ReadonlyMap<string, string> = readOptions(item)): MountOptions {
  let type = 'volume'
  let source: string | undefined
  let target: string | undefined
  let readOnly = false
  let size: number | undefined
  for (const [name, text] of options) {
    if (name === 'type') type = text
    else if (name === 'source' || name === 'src') source = text
    else if (name === 'target' || name === 'destination' || name === 'dst') target = text
    else if (name === 'readonly' || name === 'ro') readOnly = text === '' || text === 'true' || text === '1'
    else if (name === 'tmpfs-size' && type === 'tmpfs' && sizeOf(text) !== undefined) size = sizeOf(text)
    // Only Docker Desktop ever looked at it, and no longer does.
    else if (name !== 'consistency')
      item.ignore(`the option ${shorten(name)} is not applied; the mount itself is`)
  }
  const path = target === undefined ? undefined : containerPath(target)
  if (path === undefined || path === '/') throw item.mustBe('a mount with an absolute target', example)
  return { type, source, target: path, readOnly, size }
}

/** A mount as `docker run --mount` takes it. `item` is where it stands; `root` as for {@link readMounts}. */
export function readMountText(
  text: string,
  item: Value,
  context: DefinitionContext,
  root: string,
): Mount | SourceMount | undefined {
  return readMount(item, context, root, new Map(splitOptions(text)))
}

/** One mount, its options by their names. Throws `definition-invalid`. */
export function readMount(
  item: Value,
  context: DefinitionContext,
  root: string,
  options?: ReadonlyMap<string, string>,
): Mount | SourceMount | undefined {
  const { type, source, target, readOnly, size } = readOptionsOf(item, options)
  const base = { target, ...(readOnly ? { readOnly } : {}) }
  switch (type) {
    case 'tmpfs':
      return { type, ...base, ...(size === undefined ? {} : { size }) }
    case 'volume':
      if (source !== undefined && source !== '' && !/^[A-Za-z0-9][\w.-]*$/.test(source)) {
        throw item.mustBe('a volume whose name has letters, digits, ".", "_" and "-" only', example)
      }
      return { type, ...(source ? { source } : {}), ...base }
    case 'bind':
      return bindMount(item, source, base, context, root)
    default:
      item.ignore(`mounts of the type ${shorten(type)} are not made`)
      return undefined
  }
}

function bindMount(
  item: Value,
  source: string | undefined,
  base: Omit<Mount, 'type'>,
  context: DefinitionContext,
  root: string,
): Mount | SourceMount | undefined {
  if (source === undefined || !/^(?:\/|[A-Za-z]:[/\\])/.test(source)) {
    if ((source ?? '') === '' && namesVariable(item)) {
      item.ignore(unsetReason)
      return undefined
    }
    throw item.mustBe(
      'a bind mount with an absolute source',
      'Begin the source with the variable localWorkspaceFolder.',
    )
  }
  const isFolder = context.localFolder !== undefined && context.bindMounts
  const path = isFolder ? undefined : withinFolder(source, root)
  if (path !== undefined) return { path, ...base }
  if (!context.bindMounts) {
    item.ignore('this target cannot mount folders of this machine')
    return undefined
  }
  return { type: 'bind', source, ...base }
}
