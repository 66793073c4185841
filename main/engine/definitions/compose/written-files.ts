import { maximumWrittenFiles, maximumWrittenText, WrittenFile } from '#contract'
import { refuseUnknown } from './fields'
import { flag, type Layer, lastLayer, plainText } from './layer'

/** What a service gets of that is declared beside the services. */
export type AttachedKind = 'secrets' | 'configs'

interface Wanted {
  readonly kind: AttachedKind
  readonly name: string
  /** What the files say of it, the uppermost last. */
  readonly declared: readonly Layer[]
  readonly target: string
}

/**
 * A secret or config that is no file of the source: the value of a variable, or a text of the Compose file itself. Where
 * there is none, or it cannot be had, that is named on `item`, which asks for it. Throws `definition-invalid`.
 */
export function contentOf(item: Layer, wanted: Wanted): WrittenFile | undefined {
  const { kind, name, declared, target } = wanted
  const content = readContent(item, wanted)
  if (content === undefined) return undefined
  const fields = item.value.type === 'object' ? [item] : []
  refuseUnknown(fields, ['source', 'target', 'uid', 'gid', 'mode'], {})
  refuseUnknown(declared, ['name', 'file', 'environment', ...(kind === 'configs' ? ['content'] : [])], {
    labels: 'it is written into containers, and is no object of its own',
    external: `"${name}" has a value of its own`,
  })
  const uid = numberOf(lastLayer(fields, 'uid'), 'the number of a user')
  const gid = numberOf(lastLayer(fields, 'gid'), 'the number of a group')
  const mode = modeOf(lastLayer(fields, 'mode'))
  const file = {
    target,
    ...content,
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(mode !== undefined && { mode }),
  }
  const checked = WrittenFile.safeParse(file)
  if (!checked.success) throw item.value.mustBe('the path of a file, with an owner and rights that there are')
  return checked.data
}

/** Those of one service, as many as a container may have. */
export function withContent(layers: readonly Layer[], files: readonly WrittenFile[]): readonly WrittenFile[] {
  if (files.length <= maximumWrittenFiles) return files
  const layer = lastLayer(layers, 'configs') ?? lastLayer(layers, 'secrets')
  throw layer?.value.mustBe(`at most ${maximumWrittenFiles} that are no files of the source`)
}

function readContent(
  item: Layer,
  { kind, name, declared }: Wanted,
): Pick<WrittenFile, 'text' | 'variable'> | undefined {
  const variable = lastLayer(declared, 'environment')
  const content = kind === 'configs' ? lastLayer(declared, 'content') : undefined
  if (isExternal(declared)) {
    item.value.ignore(
      `"${name}" is external: only a swarm keeps such ${kind}, and Compose itself refuses them outside of one; name a "file" of the source or a variable by "environment"`,
    )
    return undefined
  }
  if (variable) return fromVariable(item, variable, kind)
  if (content) {
    const text = content.value.guardedText()
    if (text.length <= maximumWrittenText) return { text }
    item.value.ignore(
      `its content has more than ${maximumWrittenText} characters; put it into a file of the source and name that with "file"`,
    )
    return undefined
  }
  item.value.ignore(
    kind === 'configs'
      ? 'it has neither "file" nor "environment" nor "content"'
      : 'it has neither "file" nor "environment"',
  )
  return undefined
}

/** An object with the name of what is meant says it too, as in older files. */
function isExternal(declared: readonly Layer[]): boolean {
  const external = lastLayer(declared, 'external')
  return external?.value.type === 'object' || flag(external)
}

function fromVariable(
  item: Layer,
  layer: Layer,
  kind: AttachedKind,
): Pick<WrittenFile, 'text' | 'variable'> | undefined {
  const variable = layer.value.text()
  if (!/^[^=\0\n]{1,500}$/.test(variable))
    throw layer.value.mustBe('the name of a variable', 'Write, for example, "environment: API_TOKEN".')
  const found = layer.file.lookup(variable)
  if (!found) {
    item.value.ignore(
      `the variable ${variable} is set neither in your environment nor in the .env file, so there is no value to write, and Compose would not start the service; set it and rebuild`,
    )
    return undefined
  }
  if (found.guarded.startsWith(`\${localEnv:${variable}`)) return { variable }
  if (kind === 'configs') return { text: found.guarded }
  item.value.ignore(
    `the value of ${variable} stands in the .env file alone, and a secret is not stored with the workspace; set the variable in your own environment and rebuild, or name a "file" of the source`,
  )
  return undefined
}

function numberOf(layer: Layer | undefined, wanted: string): number | undefined {
  if (!layer) return undefined
  const text = plainText(layer)
  if (!/^\d{1,10}$/.test(text)) throw layer.value.mustBe(wanted, 'Write, for example, "1000".')
  return Number(text)
}

/** Octal where it is a text or begins with a zero, as Compose reads it. */
function modeOf(layer: Layer | undefined): number | undefined {
  if (!layer) return undefined
  const { value } = layer
  const text = plainText(layer)
  // YAML of today takes 0440 for a decimal number: only its length tells of the zero.
  const octal = value.type === 'string' || value.node.length === text.length + 1
  const mode = (octal ? /^(?:0o?)?[0-7]{1,5}$/ : /^\d{1,5}$/).test(text)
    ? Number.parseInt(text.replace(/^0o/, ''), octal ? 8 : 10)
    : Number.NaN
  if (!(mode <= 0o7777)) throw value.mustBe('rights of a file', 'Write, for example, "mode: 0440".')
  if (mode > 0o777) value.ignore('the rights are applied, but not what goes beyond reading and writing')
  return mode & 0o777
}
