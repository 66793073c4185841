import type { Mount } from '#contract'
import { shorten, type Value } from '../document/value'
import { containerPath } from '../paths'
import type { DefinitionContext } from '../reader'

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

/** `mounts`: Docker's `--mount` syntax or objects. What Docker would refuse is refused here, with its place. */
export function readMounts(value: Value, context: DefinitionContext): Mount[] {
  const mounts: Mount[] = []
  for (const item of value.items(example)) {
    const mount = readMount(item, context)
    if (mount) mounts.push(mount)
  }
  return mounts
}

function readMount(item: Value, context: DefinitionContext): Mount | undefined {
  let type = 'volume'
  let source: string | undefined
  let target: string | undefined
  let readOnly = false
  for (const [name, text] of readOptions(item)) {
    if (name === 'type') type = text
    else if (name === 'source' || name === 'src') source = text
    else if (name === 'target' || name === 'destination' || name === 'dst') target = text
    else if (name === 'readonly' || name === 'ro') readOnly = text === '' || text === 'true' || text === '1'
    // Only Docker Desktop ever looked at it, and no longer does.
    else if (name !== 'consistency')
      item.ignore(`the option ${shorten(name)} is not applied; the mount itself is`)
  }
  const path = target === undefined ? undefined : containerPath(target)
  if (path === undefined || path === '/') throw item.mustBe('a mount with an absolute target', example)
  const base = { target: path, ...(readOnly ? { readOnly } : {}) }
  switch (type) {
    case 'tmpfs':
      return { type, ...base }
    case 'volume':
      if (source !== undefined && source !== '' && !/^[A-Za-z0-9][\w.-]*$/.test(source)) {
        throw item.mustBe('a volume whose name has letters, digits, ".", "_" and "-" only', example)
      }
      return { type, ...(source ? { source } : {}), ...base }
    case 'bind':
      return bindMount(item, source, base, context)
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
): Mount | undefined {
  if (
    !context.localFolder &&
    item.node.type === 'string' &&
    item.raw().includes('$' + '{localWorkspaceFolder}')
  ) {
    item.ignore('the source is not a folder of this machine, so there is nothing to mount')
    return undefined
  }
  if (!context.bindMounts) {
    item.ignore('this target cannot mount folders of this machine')
    return undefined
  }
  if (source === undefined || !/^(?:\/|[A-Za-z]:[/\\])/.test(source)) {
    throw item.mustBe(
      'a bind mount with an absolute source',
      'Begin the source with the variable localWorkspaceFolder.',
    )
  }
  return { type: 'bind', source, ...base }
}
