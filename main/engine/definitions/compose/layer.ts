import type { DefinitionFile, Value } from '../document/value'
import { ownTag } from '../document/yaml'
import type { Lookup } from './interpolate'

/** One Compose file on its way to a definition. Its `substitution` fills in the variables of Compose. */
export interface ComposeFile extends DefinitionFile {
  readonly path: string
  /** What the paths in it are relative to, itself relative to the repository's root. */
  readonly folder: string
  readonly lookup: Lookup
}

/**
 * What one file says of something. The layers of the same thing are a list, of which each one goes on top of those
 * before it (Compose specification, "Merge"): how they become one is up to who reads a field.
 */
export class Layer {
  readonly value: Value
  readonly file: ComposeFile
  #fields: ReadonlyMap<string, Value> | undefined

  constructor(value: Value, file: ComposeFile) {
    this.value = value
    this.file = file
  }

  /** Throws `definition-invalid` where it is no object. */
  fields(example = ''): ReadonlyMap<string, Value> {
    this.#fields ??= this.value.fields(example)
    return this.#fields
  }

  /** The Problem of something wrong here. */
  invalid(cause: string, remedy = ''): Error {
    return this.file.document.invalid(this.value.node, cause, remedy)
  }

  /** The same file's word on something within. */
  within(value: Value): Layer {
    return new Layer(value, this.file)
  }
}

/**
 * The layers of a field, from those of what has it. `null` says nothing. `!reset` and `!override` take away what lies
 * below them.
 */
export function fieldLayers(layers: readonly Layer[], name: string): Layer[] {
  let found: Layer[] = []
  for (const layer of layers) {
    const value = layer.fields().get(name)
    if (value === undefined) continue
    const tag = ownTag(value.node)
    if (tag === '!reset' || tag === '!override') found = []
    if (tag !== '!reset' && value.type !== 'null') found.push(layer.within(value))
  }
  return found
}

/** The uppermost layer of a field. */
export function lastLayer(layers: readonly Layer[], name: string): Layer | undefined {
  return fieldLayers(layers, name).at(-1)
}

/** All items of a list that may be a single one, of all layers, the lowest first. */
export function itemsOf(layers: readonly Layer[], example = ''): Layer[] {
  return layers.flatMap((layer) =>
    layer.value.type === 'array' ? layer.value.items(example).map((item) => layer.within(item)) : [layer],
  )
}

/** Entries by their names, of all layers; the uppermost counts. An item of a list is an entry without a value. */
export function entriesOf(layers: readonly Layer[], example = ''): Map<string, Layer> {
  const entries = new Map<string, Layer>()
  for (const layer of layers) {
    if (layer.value.type === 'array') {
      for (const item of layer.value.items(example)) entries.set(item.text(example), layer.within(item))
    } else {
      for (const [name, value] of layer.fields(example)) entries.set(name, layer.within(value))
    }
  }
  return entries
}

/** `true` or `false`, which a variable can come to as well. */
export function flag(layer: Layer | undefined): boolean {
  if (!layer) return false
  const { value } = layer
  if (value.type === 'boolean') return value.boolean()
  if (value.type === 'string') {
    const text = value.text().trim().toLowerCase()
    if (text === 'true' || text === 'false') return text === 'true'
  }
  throw value.mustBe('true or false')
}

/** A text or number as text, with the values of its variables. */
export function plainText(layer: Layer, example = ''): string {
  const { value } = layer
  return value.type === 'number' ? value.raw() : value.text(example)
}
