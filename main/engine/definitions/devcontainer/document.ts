import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import { type ProblemError, problem } from '#contract'

/** A definition is a small file: what is larger or deeper is a mistake or an attack. */
export const maximumBytes = 1024 * 1024
const maximumDepth = 64

/** SyntaxKind of jsonc-parser, a const enum that isolated modules cannot import. */
const openBrace = 1
const closeBrace = 2
const openBracket = 3
const closeBracket = 4
const endOfFile = 17

/** A JSON file with comments whose every value knows its place, so that a message can name it. */
export class Document {
  readonly path: string
  readonly #text: string
  readonly root: Node

  /** Throws `definition-invalid`. */
  constructor(path: string, bytes: Uint8Array) {
    this.path = path
    try {
      this.#text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch (error) {
      throw problem(
        {
          code: 'definition-invalid',
          title: `${path} cannot be read`,
          cause: 'It is not UTF-8 text.',
          remedy: 'Save the file as UTF-8.',
        },
        error,
      )
    }
    this.#checkDepth()
    const errors: ParseError[] = []
    const root = parseTree(this.#text, errors, { allowTrailingComma: true, allowEmptyContent: true })
    const first = errors[0]
    if (first) throw this.invalid(first.offset, ...explain(first, this.#text))
    if (root?.type !== 'object') {
      throw this.invalid(
        root?.offset ?? 0,
        root ? `The file must hold one object, not ${describe(root)}.` : 'The file is empty.',
        'Put the settings between { and }, for example { "image": "debian:bookworm" }.',
      )
    }
    this.root = root
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

  /** The parser recurses, so depth is bounded before it runs. */
  #checkDepth(): void {
    const scanner = createScanner(this.#text, true)
    let depth = 0
    for (let token: number = scanner.scan(); token !== endOfFile; token = scanner.scan()) {
      if (token === openBrace || token === openBracket) depth += 1
      else if (token === closeBrace || token === closeBracket) depth -= 1
      if (depth > maximumDepth) {
        throw this.invalid(scanner.getTokenOffset(), `Values are nested more than ${maximumDepth} deep.`)
      }
    }
  }
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

function explain(error: ParseError, text: string): [cause: string, remedy: string] {
  const found = text.slice(error.offset, error.offset + Math.max(1, Math.min(error.length, 30)))
  const here = found.trim() === '' ? 'the end of the line' : JSON.stringify(found)
  switch (printParseErrorCode(error.error)) {
    case 'CommaExpected':
      return [`A comma is missing before ${here}.`, 'Put a comma between two entries.']
    case 'ColonExpected':
      return [`A colon is missing before ${here}.`, 'Write "name": value.']
    case 'PropertyNameExpected':
      return [`A name in double quotes is expected, not ${here}.`, 'Write names in double quotes.']
    case 'ValueExpected':
      return [`A value is expected, not ${here}.`, 'Give a value, or remove the name.']
    case 'CloseBraceExpected':
      return ['A closing } is missing.', 'Close every { with a }.']
    case 'CloseBracketExpected':
      return ['A closing ] is missing.', 'Close every [ with a ].']
    case 'EndOfFileExpected':
      return [`There is more after the end of the object: ${here}.`, 'Remove what follows the last }.']
    case 'UnexpectedEndOfString':
      return ['A string is not closed.', 'Close it with a double quote on the same line.']
    case 'UnexpectedEndOfComment':
      return ['A comment is not closed.', 'Close it with */.']
    case 'InvalidNumberFormat':
    case 'UnexpectedEndOfNumber':
      return [`${here} is not a number.`, '']
    case 'InvalidEscapeCharacter':
    case 'InvalidUnicode':
      return ['A string has an escape that JSON does not know.', 'Write a backslash as \\\\.']
    case 'InvalidCharacter':
      return ['A string has a line break or control character in it.', 'Write it as \\n or \\t.']
    default:
      return [`${here} does not belong here.`, 'Names and texts go in double quotes.']
  }
}
