import { Document, SyntaxProblem } from '../document/document'
import { InterpolationMistake, interpolate, type Lookup, type Text } from './interpolate'

/** Of one file, in bytes, and the variables that it may set. */
export const maximumEnvBytes = 256 * 1024
const maximumVariables = 2000

/**
 * The variables of a `.env` file, in its order (Compose, "Syntax for environment files"): quotes, comments, `export`,
 * and variables that are filled in from those above and from `lookup`. A name without a value is one of `lookup`'s.
 * `raw`: every value is what stands behind the first `=`. Throws `definition-invalid`.
 */
export function readEnvFile(path: string, bytes: Uint8Array, lookup: Lookup, raw = false): Map<string, Text> {
  const variables = new Map<string, Text>()
  // Only to know its places: what is read is not a tree.
  new Document(
    path,
    bytes,
    (text) => {
      new EnvFile(text.replace(/^\uFEFF/, ' '), variables, lookup, raw).read()
      return { type: 'object', offset: 0, length: text.length, children: [] }
    },
    '',
  )
  return variables
}

class EnvFile {
  readonly #text: string
  readonly #variables: Map<string, Text>
  readonly #outer: Lookup
  readonly #raw: boolean
  #at = 0

  constructor(text: string, variables: Map<string, Text>, outer: Lookup, raw: boolean) {
    this.#text = text
    this.#variables = variables
    this.#outer = outer
    this.#raw = raw
  }

  read(): void {
    const ending = this.#text.indexOf('\0')
    // It ends a text for the kernel: no variable can have it.
    if (ending >= 0) throw new SyntaxProblem(ending, 'A NUL character is no part of a variable.')
    while (this.#at < this.#text.length) {
      this.#skip(/\s*/y)
      if (this.#at >= this.#text.length) return
      if (this.#text.charAt(this.#at) === '#') this.#skip(/[^\n]*/y)
      else this.#variable()
      if (this.#variables.size > maximumVariables) {
        throw new SyntaxProblem(this.#at, `The file sets more than ${maximumVariables} variables.`)
      }
    }
  }

  #variable(): void {
    const start = this.#at
    this.#skip(/export[ \t]+/y)
    const name = this.#skip(/[A-Za-z_][\w.-]*/y)
    if (name === '') {
      const found = this.#text.charAt(start)
      throw new SyntaxProblem(
        start,
        `The name of a variable is expected, not ${JSON.stringify(found)}.`,
        'Write NAME=value.',
      )
    }
    this.#skip(/[ \t]*/y)
    const sign = this.#text.charAt(this.#at)
    if (sign === '=' || (sign === ':' && !this.#raw)) {
      this.#at += 1
      this.#variables.set(name, this.#raw ? plain(this.#line()) : this.#value())
      return
    }
    const rest = this.#line().trim()
    if (rest !== '' && !rest.startsWith('#')) {
      throw new SyntaxProblem(start, `"=" is missing after ${name.slice(0, 60)}.`, 'Write NAME=value.')
    }
    const inherited = this.#lookup(name)
    if (inherited) this.#variables.set(name, inherited)
  }

  #value(): Text {
    this.#skip(/[ \t]*/y)
    const start = this.#at
    const quote = this.#text.charAt(start)
    if (quote !== '"' && quote !== "'") {
      const line = this.#line()
      const comment = /(?:^|[ \t])#/.exec(line)
      return this.#filled((comment ? line.slice(0, comment.index) : line).trim(), start)
    }
    this.#at += 1
    let inside = ''
    for (;;) {
      const character = this.#text.charAt(this.#at)
      if (character === '')
        throw new SyntaxProblem(start, 'A quote is not closed.', 'Close it on the same line.')
      this.#at += 1
      if (character === quote) break
      if (character !== '\\') inside += character
      else {
        const next = this.#text.charAt(this.#at)
        this.#at += 1
        if (quote === "'") inside += next === "'" ? next : `\\${next}`
        else inside += escapes[next] ?? (next === '"' || next === '\\' ? next : `\\${next}`)
      }
    }
    const rest = this.#line().trim()
    if (rest !== '' && !rest.startsWith('#')) {
      throw new SyntaxProblem(
        start,
        'There is more after the closing quote.',
        'Put all of the value between the quotes.',
      )
    }
    return quote === "'" ? plain(inside) : this.#filled(inside, start)
  }

  #filled(text: string, offset: number): Text {
    try {
      return interpolate(text, (name) => this.#lookup(name), true)
    } catch (error) {
      if (error instanceof InterpolationMistake) throw new SyntaxProblem(offset, error.message, error.remedy)
      throw error
    }
  }

  #lookup(name: string): Text | undefined {
    return this.#outer(name) ?? this.#variables.get(name)
  }

  /** The rest of the line, and past its end. */
  #line(): string {
    const line = this.#skip(/[^\n]*/y)
    this.#at += 1
    return line.endsWith('\r') ? line.slice(0, -1) : line
  }

  #skip(form: RegExp): string {
    form.lastIndex = this.#at
    const found = form.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', $: '$$' }

function plain(value: string): Text {
  return { value, guarded: value }
}
