import type { Node } from 'jsonc-parser'
import { type ProblemError, problem } from '#contract'

/** A definition is a small file: what is larger or deeper is a mistake or an attack. */
export const maximumBytes = 1024 * 1024
export const maximumDepth = 64

/** A text that does not follow the rules of its language, and where. */
export class SyntaxProblem extends Error {
  readonly offset: number
  readonly remedy: string

  constructor(offset: number, cause: string, remedy = '') {
    super(cause)
    this.offset = offset
    this.remedy = remedy
  }
}

/** Which values of a file have been read, so that the rest can be listed. */
export class Reading {
  readonly #taken = new Set<Node>()

  /** Somebody has read this value, or with `whole` all that is in it. */
  take(node: Node, whole = false): void {
    this.#taken.add(node)
    if (whole) for (const child of node.children ?? []) this.take(child, true)
  }

  /** The values that nobody has read, the outermost of each only. Absent ones, which are null, need no reading. */
  untaken(node: Node, name = ''): readonly { readonly name: string; readonly node: Node }[] {
    if (node.type === 'null') return []
    if (!this.#taken.has(node)) return [{ name, node }]
    return (node.children ?? []).flatMap((child, index) => {
      if (node.type === 'array') return this.untaken(child, `${name}[${index}]`)
      const [key, value] = child.children ?? []
      const field = String(key?.value)
      return value ? this.untaken(value, name === '' ? field : `${name}.${field}`) : []
    })
  }
}

/**
 * A definition file whose every value knows its place, so that a message can name it. The tree is that of jsonc-parser
 * whatever language the file is in.
 */
export class Document {
  readonly path: string
  readonly #text: string
  readonly root: Node

  /** `parse` throws a {@link SyntaxProblem}. Throws `definition-invalid`. */
  constructor(path: string, bytes: Uint8Array, parse: (text: string) => Node | undefined, example: string) {
    this.path = path
    try {
      this.#text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch {
      this.#text = new TextDecoder().decode(bytes)
      throw this.invalid(firstBroken(bytes), 'The file is not UTF-8 text.', `Save ${path} as UTF-8.`)
    }
    let root: Node | undefined
    try {
      root = parse(this.#text)
    } catch (error) {
      if (error instanceof SyntaxProblem) throw this.invalid(error.offset, error.message, error.remedy)
      throw error
    }
    if (root?.type !== 'object') {
      throw this.invalid(
        root?.offset ?? 0,
        root ? `The file must hold one object, not ${describe(root)}.` : 'The file is empty.',
        example,
      )
    }
    this.root = root
  }

  /** The first is 1. */
  lineOf(node: Node): number {
    return this.#text.slice(0, node.offset).split('\n').length
  }

  /** The Problem of something wrong at `where`: a place in the text or a value. No remedy: to correct that place. */
  invalid(where: number | Node, cause: string, remedy = ''): ProblemError {
    const offset = Math.min(typeof where === 'number' ? where : where.offset, this.#text.length)
    const before = this.#text.slice(0, offset)
    const line = before.split('\n').length
    const start = before.lastIndexOf('\n') + 1
    const column = offset - start + 1
    const end = this.#text.indexOf('\n', offset)
    const excerpt = this.#text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '')
    const from = Math.max(0, column - 60)
    const shown = excerpt.slice(from, from + 100).replaceAll('\t', ' ')
    return problem({
      code: 'definition-invalid',
      title: `${this.path} has a mistake in line ${line}`,
      cause: `Line ${line}, column ${column}: ${cause}`,
      remedy: remedy || `Correct line ${line} of ${this.path}, and try again.`,
      detail: `${this.path}:${line}:${column}\n${shown}\n${' '.repeat(Math.max(0, column - 1 - from))}^`,
    })
  }
}

/** Where in the text, as it is decoded without asking, the first byte stands that is no UTF-8. */
function firstBroken(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let before = 0
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(0x0a, from)
    const line = bytes.subarray(from, found < 0 ? undefined : found + 1)
    try {
      before += decoder.decode(line).length
    } catch {
      return before + Math.max(0, new TextDecoder().decode(line).indexOf('\ufffd'))
    }
    from += line.length
  }
  return before
}

/** What a value is, for a message: `a string`, `a list`. */
export function describe(node: Node): string {
  switch (node.type) {
    case 'array':
      return 'a list'
    case 'object':
      return 'an object'
    case 'null':
      return 'null'
    case 'boolean':
      return String(node.value)
    case 'number':
      return `the number ${node.value}`
    default:
      return 'a string'
  }
}
