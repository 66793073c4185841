import { shorten, type Value } from '../document/value'
import { closest } from '../suggest'

/** A list of a devfile holds no more than a person could have written. */
const maximumItems = 1000

/**
 * Fields of an object, each once. What the schema does not know is listed as not applied; with `strict` it is refused.
 * What it wants and is not there is refused.
 */
export function readFields(
  value: Value,
  known: readonly string[],
  { required = [], strict = false }: { required?: readonly string[]; strict?: boolean } = {},
): Map<string, Value> {
  const fields = value.fields()
  for (const [name, field] of fields) {
    if (known.includes(name)) continue
    const meant = closest(name, known)
    const suggestion = meant ? `did you mean "${meant}"?` : `known are ${known.join(', ')}`
    if (strict) {
      throw field.wrong(
        `"${field.name}" is no field that ${value.name === '' ? 'a devfile' : `"${value.name}"`} can have.`,
        `${suggestion.charAt(0).toUpperCase()}${suggestion.slice(1)}${meant ? '' : '.'}`,
      )
    }
    field.ignore(`unknown field${meant ? `; ${suggestion}` : ''}`)
  }
  for (const name of required) requireField(value, fields, name)
  return fields
}

/** The field `name`; refused where it is missing, with the name that was probably meant. */
export function requireField(value: Value, fields: ReadonlyMap<string, Value>, name: string): Value {
  const field = fields.get(name)
  if (field) return field
  const written = closest(name, [...fields.keys()])
  throw value.wrong(
    `"${value.name}" has no "${name}", which it needs.`,
    written ? `Did you mean "${name}" by "${written}"?` : `Add "${name}".`,
  )
}

/** Which one of several fields is there. Refused where none is, or more than one. */
export function readKind<const K extends string>(
  value: Value,
  fields: ReadonlyMap<string, Value>,
  kinds: readonly K[],
  shown: readonly string[] = kinds,
): K {
  const present = kinds.filter((kind) => fields.has(kind))
  const [first, second] = present
  const list = shown.join(', ')
  if (first === undefined) {
    const meant = [...fields.keys()]
      .map((name) => ({ name, kind: closest(name, shown) }))
      .find(({ name, kind }) => kind !== undefined && !shown.includes(name) && name !== 'name')
    throw value.wrong(
      `"${value.name}" must have one of ${list}.`,
      meant ? `Did you mean "${meant.kind}" by "${meant.name}"?` : '',
    )
  }
  if (second !== undefined) {
    throw (fields.get(second) ?? value).wrong(
      `"${value.name}" has both "${first}" and "${second}", and may have only one of ${list}.`,
      'Take one of them away, or make two of it.',
    )
  }
  return first
}

/** A name or an id: the text itself, since variables are not filled in here. */
export function readName(value: Value, longest = 63): string {
  const example = `Use at most ${longest} lower-case letters, digits and "-", with a letter or digit at both ends, as in "my-app".`
  if (value.type !== 'string') throw value.mustBe('a name', example)
  const name = value.raw()
  if (name.length > longest || !/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(name) || /^\d+$/.test(name)) {
    throw value.mustBe(
      `a name of lower-case letters, digits and "-", of at most ${longest} characters`,
      example,
    )
  }
  return name
}

/** What names something else in the file: the text itself. */
export function readReference(value: Value): string {
  if (value.type !== 'string' || value.raw() === '') throw value.mustBe('a name')
  return value.raw()
}

export function readList(value: Value): Value[] {
  const items = value.items('Begin each entry with "- ".')
  if (items.length > maximumItems) throw value.mustBe(`a list of at most ${maximumItems} entries`)
  return items
}

export function readTexts(value: Value | undefined): string[] {
  return value ? readList(value).map((item) => item.text(quoted)) : []
}

/** An object of texts. */
export function readMap(value: Value): Map<string, string> {
  return new Map([...value.fields()].map(([name, field]) => [name, field.text(quoted)]))
}

/** For a value that YAML takes for a number or for true or false. */
export const quoted = 'Put it in quotes.'

/** The value of each name, refused where two share one. `what` is for people: "component". */
export function uniqueNames<T extends { readonly at: Value }>(
  what: string,
  items: readonly T[],
  nameOf: (item: T) => string,
): Map<string, T> {
  const found = new Map<string, T>()
  for (const item of items) {
    const name = nameOf(item)
    if (found.has(name)) {
      throw item.at.wrong(
        `There are two ${what}s with the name "${shorten(name)}".`,
        'Give one of them another name.',
      )
    }
    found.set(name, item)
  }
  return found
}

/** Refuses a name that leads to nothing, with the one that was probably meant. */
export function unknownName(what: string, at: Value, name: string, known: readonly string[]): Error {
  const meant = closest(name, known)
  const some = known.slice(0, 10).join(', ')
  return at.wrong(
    `There is no ${what} "${shorten(name)}".`,
    meant
      ? `Did you mean "${meant}"?`
      : known.length > 0
        ? `There are: ${some}.`
        : `The file has no ${what}.`,
  )
}

/** Something that tools keep for themselves, and that must be an object. */
export function skipObject(value: Value | undefined): void {
  value?.fields()
  value?.skip()
}
