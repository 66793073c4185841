import type { Node } from 'jsonc-parser'
import { shorten } from '../document/value'
import { commandKinds, componentKinds } from './fields'
import type { Places } from './places'

/** Lists whose entries are told apart by a field: an override changes the entry of the same name (devfile API). */
const listKeys: Readonly<Record<string, string>> = {
  components: 'name',
  commands: 'id',
  projects: 'name',
  starterProjects: 'name',
  dependentProjects: 'name',
  env: 'name',
  endpoints: 'name',
  volumeMounts: 'name',
}

/** What a devfile gets from its parent. */
const inheritedLists = ['components', 'commands', 'projects', 'starterProjects', 'dependentProjects']
const inheritedMaps = ['attributes', 'variables']
const eventNames = ['preStart', 'postStart', 'preStop', 'postStop']

/** Fields of which an object has only one: another one takes its place (devfile API, "union"). */
const alternatives: readonly (readonly string[])[] = [
  componentKinds,
  commandKinds,
  ['git', 'zip', 'github'],
  ['uri', 'inlined'],
  ['uri', 'git', 'devfileRegistry'],
]

/** Objects whose fields have names of anybody's choice. */
const freeFields = ['attributes', 'annotation', 'remotes']

const words: Readonly<Record<string, string>> = {
  components: 'component',
  commands: 'command',
  projects: 'project',
  starterProjects: 'starter project',
  dependentProjects: 'dependent project',
}

export function property(object: Node | undefined, name: string): Node | undefined {
  if (object?.type !== 'object') return undefined
  return object.children?.find((each) => each.children?.[0]?.value === name)?.children?.[1]
}

/** Puts a devfile and its parents together, by the rules of the devfile API ("Referring to a parent devfile"). */
export class Merge {
  readonly #places: Places

  constructor(places: Places) {
    this.#places = places
  }

  /**
   * `base`, the parent with all of its own parents, changed by the `parent` section of the file below it. What the
   * section names must be there: what is new belongs below the section.
   */
  override(base: Node, section: Node): Node {
    const changed = new Map<string, Node>()
    for (const name of [...inheritedLists, ...inheritedMaps]) {
      const patch = property(section, name)
      if (!patch) continue
      const before = property(base, name)
      if (inheritedMaps.includes(name)) {
        changed.set(name, before ? this.#object(before, patch, true) : patch)
        continue
      }
      this.#mustBeThere(name, before, patch)
      if (before) changed.set(name, this.#list(before, patch, listKeys[name] ?? 'name'))
    }
    return this.#with(base, changed)
  }

  /** What a file comes to with its parent: the parent's entries first. Refuses an entry that both have. */
  join(parent: Node, file: Node): Node {
    const joined = new Map<string, Node>()
    for (const name of inheritedLists) {
      const [above, own] = [property(parent, name), property(file, name)]
      if (!above) continue
      if (own?.type === 'array') this.#mustDiffer(name, above, own)
      joined.set(name, this.#appended(above, own))
    }
    for (const name of inheritedMaps) {
      const [above, own] = [property(parent, name), property(file, name)]
      if (above) joined.set(name, own ? this.#object(above, own, true) : above)
    }
    const [above, own] = [property(parent, 'events'), property(file, 'events')]
    if (above) joined.set('events', own ? this.#events(above, own) : above)
    const whole = this.#with(file, joined)
    // What the section says is in the parent by now.
    const children = (whole.children ?? []).filter((each) => each.children?.[0]?.value !== 'parent')
    return this.#places.make('object', file, children)
  }

  #mustBeThere(list: string, base: Node | undefined, patch: Node): void {
    const key = listKeys[list] ?? 'name'
    const known = new Set(
      (base?.type === 'array' ? (base.children ?? []) : []).map(
        (item): unknown => property(item, key)?.value,
      ),
    )
    for (const item of patch.type === 'array' ? (patch.children ?? []) : []) {
      const name = property(item, key)
      const what = words[list] ?? list
      if (name?.type !== 'string') {
        throw this.#wrong(
          name ?? item,
          `A ${what} of the parent is changed here, and "${key}" does not say which.`,
          `Add "${key}" with the name of a ${what} of the parent.`,
        )
      }
      if (!known.has(name.value)) {
        throw this.#wrong(
          name,
          `The parent has no ${what} "${shorten(String(name.value))}" that could be changed here.`,
          `To add it, write it under "${list}" at the left margin and not under "parent".`,
        )
      }
    }
  }

  #mustDiffer(list: string, parent: Node, own: Node): void {
    const key = listKeys[list] ?? 'name'
    const above = new Set((parent.children ?? []).map((item) => property(item, key)?.value))
    for (const item of own.children ?? []) {
      const name = property(item, key)
      if (name?.type !== 'string' || !above.has(name.value)) continue
      throw this.#wrong(
        name,
        `The parent has a ${words[list] ?? list} "${shorten(String(name.value))}" too.`,
        `To change the parent's, write it under "parent", "${list}". Otherwise give this one another name.`,
      )
    }
  }

  /**
   * Fields of `patch` over those of `base`. What is not an object on both sides is the patch's. Fields of something
   * `free` have names of anybody's choice.
   */
  #object(base: Node, patch: Node, free = false): Node {
    if (base.type !== 'object' || patch.type !== 'object') return patch
    const there = new Map(
      (base.children ?? []).map((each) => [String(each.children?.[0]?.value), each.children?.[1]]),
    )
    const changed = new Map<string, Node>()
    for (const each of patch.children ?? []) {
      const [name, value] = each.children ?? []
      if (!name || !value) continue
      const text = String(name.value)
      const before = there.get(text)
      const key = Object.hasOwn(listKeys, text) ? listKeys[text] : undefined
      if (before && key !== undefined && before.type === 'array' && value.type === 'array') {
        changed.set(text, this.#list(before, value, key))
      } else {
        changed.set(text, before ? this.#object(before, value, free || freeFields.includes(text)) : value)
      }
    }
    return this.#with(free ? base : this.#without(base, replaced(changed)), changed, patch)
  }

  #without(object: Node, names: ReadonlySet<string>): Node {
    const left = (object.children ?? []).filter((each) => !names.has(String(each.children?.[0]?.value)))
    return left.length === (object.children ?? []).length ? object : this.#places.make('object', object, left)
  }

  /** Entries of `patch` over those of the same name in `base`; new ones come last. */
  #list(base: Node, patch: Node, key: string): Node {
    if (base.type !== 'array' || patch.type !== 'array') return patch
    const items = [...(base.children ?? [])]
    const at = new Map(items.map((item, index) => [property(item, key)?.value, index]))
    for (const item of patch.children ?? []) {
      const name: unknown = property(item, key)?.value
      const index = name === undefined ? undefined : at.get(name)
      const before = index === undefined ? undefined : items[index]
      if (index === undefined || !before) items.push(item)
      else items[index] = this.#object(before, item)
    }
    return this.#places.make('array', patch, items)
  }

  #events(parent: Node, own: Node): Node {
    if (parent.type !== 'object' || own.type !== 'object') return own
    const joined = new Map<string, Node>()
    for (const name of eventNames) {
      const [above, below] = [property(parent, name), property(own, name)]
      if (above) joined.set(name, this.#appended(above, below, true))
    }
    return this.#with(own, joined)
  }

  #appended(above: Node, own: Node | undefined, once = false): Node {
    if (!own) return above
    if (above.type !== 'array' || own.type !== 'array') return above.type === 'array' ? own : above
    const there = new Set((above.children ?? []).map((item) => (once ? item.value : undefined)))
    const more = (own.children ?? []).filter((item) => !once || !there.has(item.value))
    return this.#places.make('array', own, [...(above.children ?? []), ...more])
  }

  /** `object` with some of its values changed, and others added. */
  #with(object: Node, values: ReadonlyMap<string, Node>, like = object): Node {
    const left = new Map(values)
    const children = (object.children ?? []).map((each) => {
      const [name] = each.children ?? []
      const value = left.get(String(name?.value))
      if (!name || !value) return each
      left.delete(String(name.value))
      return this.#places.make('property', each, [name, value])
    })
    for (const [name, value] of left) {
      const key: Node = { type: 'string', offset: value.offset, length: 0, value: name }
      children.push(this.#places.make('property', value, [key, value]))
    }
    return this.#places.make('object', like, children)
  }

  #wrong(node: Node, cause: string, remedy: string): Error {
    return this.#places.layerOf(node).document.invalid(node, cause, remedy)
  }
}

/** What gives way to these fields. */
function replaced(fields: ReadonlyMap<string, Node>): ReadonlySet<string> {
  const others = alternatives.filter((group) => group.some((name) => fields.has(name))).flat()
  return new Set(others.filter((name) => !fields.has(name)))
}
