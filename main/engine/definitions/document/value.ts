import { getNodeValue, type Node } from 'jsonc-parser'
import type { NotApplied } from '#contract'
import { closest } from '../suggest'
import type { Substitution } from '../variables'
import { type Document, describe, type Reading } from './document'
import { shownText } from './shown-text'

/** A value with its name, and the typed ways to read it. Each way throws `definition-invalid` with its place. */
export class Value {
  readonly name: string
  readonly node: Node
  readonly #file: DefinitionFile

  constructor(name: string, node: Node, file: DefinitionFile) {
    this.name = name
    this.node = node
    this.#file = file
  }

  get type(): Node['type'] {
    return this.node.type
  }

  /** Gives `"name" must be <wanted>, not …` with an example. */
  mustBe(wanted: string, example = ''): Error {
    const got = this.type === 'string' ? JSON.stringify(shorten(this.raw())) : describe(this.node)
    return this.#file.document.invalid(this.node, `"${this.name}" must be ${wanted}, not ${got}.`, example)
  }

  /** A mistake in this value that `mustBe` cannot say: something that it lacks, or that does not fit the rest. */
  wrong(cause: string, remedy = ''): Error {
    return this.#file.document.invalid(this.node, cause, remedy)
  }

  /** The same value under another name, for messages. */
  named(name: string): Value {
    return new Value(name, this.node, this.#file)
  }

  /** As JavaScript has it, with nothing filled in. An object in it has no prototype. */
  plain(): unknown {
    this.#file.reading?.take(this.node, true)
    return getNodeValue(this.node)
  }

  raw(): string {
    this.#file.reading?.take(this.node)
    return String(this.node.value)
  }

  /** Text with all its variables filled in. */
  text(example = ''): string {
    return this.#file.substitution.all(this.#string(example))
  }

  /** As {@link text}, for what is shown to people; numbers and booleans are taken as their text. */
  words(): string {
    return this.type === 'number' || this.type === 'boolean' ? this.raw() : shownText(this.text())
  }

  /** Text that may lead to a secret: variables of an environment stay as written. */
  guardedText(example = ''): string {
    return this.#file.substitution.exceptEnvironment(this.#string(example))
  }

  /** As {@link guardedText}; numbers and booleans are taken as their text, as Docker itself would. */
  scalar(): string {
    if (this.type === 'number' || this.type === 'boolean') return this.raw()
    return this.guardedText()
  }

  #string(example: string): string {
    if (this.type !== 'string') throw this.mustBe('a string', example)
    // It ends a text for the kernel: no command, variable or path can have it.
    if (this.raw().includes('\0')) throw this.mustBe('a text without NUL characters')
    return this.raw()
  }

  /** Also written as a text, which other tools take. */
  boolean(): boolean {
    this.#file.reading?.take(this.node)
    if (this.type === 'boolean') return Boolean(this.node.value)
    const text = this.type === 'string' ? this.raw().trim().toLowerCase() : ''
    if (text !== 'true' && text !== 'false') throw this.mustBe('true or false')
    return text === 'true'
  }

  choice<const T extends string>(choices: readonly T[]): T {
    this.#file.reading?.take(this.node)
    const found = this.type === 'string' ? choices.find((choice) => choice === this.node.value) : undefined
    if (found !== undefined) return found
    const meant = this.type === 'string' ? closest(this.raw(), choices) : undefined
    throw this.mustBe(`one of ${choices.join(', ')}`, meant ? `Did you mean "${meant}"?` : '')
  }

  items(example = ''): Value[] {
    this.#file.reading?.take(this.node)
    if (this.type !== 'array') throw this.mustBe('a list', example)
    return (this.node.children ?? []).map(
      (node, index) => new Value(`${this.name}[${index}]`, node, this.#file),
    )
  }

  /** Fields in the file's order. The last of two of one name counts, as in JSON; `null` counts as absent. */
  fields(example = ''): Map<string, Value> {
    this.#file.reading?.take(this.node)
    if (this.type !== 'object') throw this.mustBe('an object', example)
    const fields = new Map<string, Value>()
    for (const property of this.node.children ?? []) {
      const [key, node] = property.children ?? []
      if (!key || !node) continue
      const name = String(key.value)
      const value = new Value(this.name === '' ? name : `${this.name}.${name}`, node, this.#file)
      fields.get(name)?.ignore('it is there twice, and the last one counts')
      // No JavaScript object carries it safely from process to process.
      if (name === '__proto__') value.ignore('this name cannot be used')
      else fields.set(name, value)
    }
    return fields
  }

  /** Says nothing about the workspace. */
  skip(): void {
    this.#file.reading?.take(this.node, true)
  }

  ignore(reason: string): void {
    this.#file.reading?.take(this.node, true)
    this.#file.notApplied.push({ field: this.name, reason })
  }
}

/** One definition file, or what several come to together, on its way to a definition. */
export interface DefinitionFile {
  /** Says where a value stands. */
  readonly document: Pick<Document, 'root' | 'invalid'>
  /** Absent where nobody asks what was not read. */
  readonly reading?: Reading
  substitution: Substitution
  readonly notApplied: NotApplied[]
}

/** What {@link noteUnread} says. */
export const unreadReason = 'Berth does not read it'

/** Lists what no reader has looked at: nothing is dropped silently. The last thing that a reader does. */
export function noteUnread({ document, reading, notApplied }: DefinitionFile): void {
  const named = new Set(notApplied.map(({ field }) => field))
  for (const { name } of reading?.untaken(document.root) ?? []) {
    const field = shorten(name, 200)
    if (!named.has(field)) notApplied.push({ field, reason: unreadReason })
  }
}

export function shorten(text: string, length = 60): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
