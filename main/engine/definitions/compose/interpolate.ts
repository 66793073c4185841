/**
 * What a variable comes to. `guarded` is the same with what only this machine's environment knows left as
 * `${localEnv:NAME}`, because it may be a secret (see `Definition`).
 */
export interface Text {
  readonly value: string
  readonly guarded: string
}

/** The variable of this name; undefined where it is not set. `hasOther`: what is written says what then holds. */
export type Lookup = (name: string, hasOther?: boolean) => Text | undefined

/** A text that does not follow the rules of interpolation, or asks for a variable that is not set. */
export class InterpolationMistake extends Error {
  readonly remedy: string

  constructor(cause: string, remedy: string) {
    super(cause)
    this.remedy = remedy
  }
}

/** Variables can hold variables that hold variables: what comes of it is bounded. */
const longest = 64 * 1024
const deepest = 16

const nameForm = /[A-Za-z_][A-Za-z0-9_]*/y

/**
 * Fills in `$NAME`, `${NAME}` and the forms with `:-`, `-`, `:?`, `?`, `:+` and `+`; `$$` is a dollar sign (Compose
 * specification, "Interpolation"). `lenient`: a dollar sign that begins none of these stands for itself. Throws an
 * {@link InterpolationMistake}.
 */
export function interpolate(text: string, lookup: Lookup, lenient = false): Text {
  return text.includes('$') ? new Interpolation(text, lookup, lenient).run() : { value: text, guarded: text }
}

class Interpolation {
  readonly #text: string
  readonly #lookup: Lookup
  readonly #lenient: boolean
  #at = 0

  constructor(text: string, lookup: Lookup, lenient: boolean) {
    this.#text = text
    this.#lookup = lookup
    this.#lenient = lenient
  }

  run(): Text {
    return this.#sequence(0, true)
  }

  /** Up to the end, or within braces up to the one that closes them. `live`: whether the outcome is used. */
  #sequence(depth: number, live: boolean): Text {
    let value = ''
    let guarded = ''
    const add = (part: Text) => {
      value += part.value
      guarded += part.guarded
      if (value.length > longest || guarded.length > longest) {
        throw new InterpolationMistake(
          `Its variables come to more than ${longest} characters.`,
          'Use fewer variables that hold other variables.',
        )
      }
    }
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at)
      if (character === '}' && depth > 0) break
      if (character === '$') add(this.#variable(depth, live))
      else {
        const from = this.#at
        while (this.#at < this.#text.length && !'$}'.includes(this.#text.charAt(this.#at))) this.#at += 1
        if (this.#at === from) this.#at += 1
        const plain = this.#text.slice(from, this.#at)
        add({ value: plain, guarded: plain })
      }
    }
    return { value, guarded }
  }

  #variable(depth: number, live: boolean): Text {
    const start = this.#at
    this.#at += 1
    const next = this.#text.charAt(this.#at)
    if (next === '$') {
      this.#at += 1
      return { value: '$', guarded: '$' }
    }
    if (next !== '{') {
      const name = this.#name()
      if (name !== undefined) return live ? this.#get(name) : nothing
      if (this.#lenient) return { value: '$', guarded: '$' }
      throw this.#malformed(start)
    }
    this.#at += 1
    const name = this.#name()
    const operator = /(?::?[-?+])?/y
    operator.lastIndex = this.#at
    const sign = name === undefined ? '' : (operator.exec(this.#text)?.[0] ?? '')
    this.#at += sign.length
    if (name === undefined || (sign === '' && this.#text.charAt(this.#at) !== '}')) {
      if (!this.#lenient) throw this.#malformed(start)
      this.#at = start + 1
      return { value: '$', guarded: '$' }
    }
    if (depth >= deepest) {
      throw new InterpolationMistake(
        `Variables are nested more than ${deepest} deep.`,
        'Use fewer variables in the defaults of others.',
      )
    }
    const found = this.#lookup(name, sign !== '')
    // With a colon, one that is empty counts as not set.
    const set = found !== undefined && !(sign.startsWith(':') && found.value === '')
    const kind = sign.at(-1)
    const word = kind ? this.#sequence(depth + 1, live && (kind === '+' ? set : !set)) : nothing
    if (this.#text.charAt(this.#at) !== '}') throw this.#malformed(start)
    this.#at += 1
    if (!live) return nothing
    switch (kind) {
      case '-':
        return set ? found : word
      case '+':
        return set ? word : nothing
      case '?':
        if (set) return found
        throw new InterpolationMistake(
          `The variable ${name} is not set${word.value.trim() ? `: ${word.value.trim().slice(0, 200)}` : ''}.`,
          `Set ${name} in the .env file beside the Compose file, or in your own environment.`,
        )
      default:
        return found ?? nothing
    }
  }

  #get(name: string): Text {
    return this.#lookup(name) ?? nothing
  }

  #name(): string | undefined {
    nameForm.lastIndex = this.#at
    const name = nameForm.exec(this.#text)?.[0]
    this.#at += name?.length ?? 0
    return name
  }

  #malformed(start: number): InterpolationMistake {
    const shown = this.#text.slice(start, start + 30)
    return new InterpolationMistake(
      `${JSON.stringify(shown)} is no variable of Compose.`,
      `Write a variable as ${'$'}{NAME}, and a dollar sign as $$.`,
    )
  }
}

const nothing: Text = { value: '', guarded: '' }
