import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import { Document, describe, maximumDepth, SyntaxProblem } from './document'

/** SyntaxKind of jsonc-parser, a const enum that isolated modules cannot import. */
const openBrace = 1
const closeBrace = 2
const openBracket = 3
const closeBracket = 4
const endOfFile = 17

/** A JSON file with comments and trailing commas. Throws `definition-invalid`. */
export function jsonDocument(path: string, bytes: Uint8Array): Document {
  return new Document(
    path,
    bytes,
    parseJson,
    'Put the settings between { and }, for example { "image": "debian:bookworm" }.',
  )
}

/** Throws a {@link SyntaxProblem}; undefined where the text is empty. */
export function parseJson(text: string): Node | undefined {
  checkDepth(text)
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true })
  const first = errors[0]
  if (first) {
    if (root && root.type !== 'object' && printParseErrorCode(first.error) === 'EndOfFileExpected')
      throw new SyntaxProblem(
        root.offset,
        `The file must begin with {, and begins with ${describe(root)}.`,
        'Put all settings between { and }.',
      )
    throw new SyntaxProblem(first.offset, ...explain(first, text))
  }
  return root
}

/** The parser recurses, so depth is bounded before it runs. */
function checkDepth(text: string): void {
  const scanner = createScanner(text, true)
  let depth = 0
  for (let token: number = scanner.scan(); token !== endOfFile; token = scanner.scan()) {
    if (token === openBrace || token === openBracket) depth += 1
    else if (token === closeBrace || token === closeBracket) depth -= 1
    if (depth > maximumDepth) {
      throw new SyntaxProblem(scanner.getTokenOffset(), `Values are nested more than ${maximumDepth} deep.`)
    }
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
      if (found.startsWith('#')) return ['A comment does not begin with # here.', 'Begin comments with //.']
      return [`${here} does not belong here.`, 'Names and texts go in double quotes.']
  }
}
