import { instructionsOf } from './dockerfile-instructions'

/** What stands in a Dockerfile for one image after another. */
export interface ImageExchange {
  /** As it was asked for, variables filled in. */
  readonly from: string
  readonly to: string
}

interface Edit extends ImageExchange {
  readonly start: number
  readonly end: number
}

/** Files above this size, in characters, are left as they are: no person wrote them. */
const LIMIT = 1024 * 1024

/**
 * Exchanges the images that a Dockerfile names: in FROM, COPY --from and RUN --mount=from. Left alone are `scratch`,
 * names and numbers of stages, and what is made of variables whose values are not known from `args` or a default of
 * their own before the first FROM; where they are known, the whole name is written out. Every other character stays.
 * A stage whose name is that of a context is asked for as well: the context stands for it.
 * Made for a text of one character per byte (Latin-1), so that files in any encoding pass unharmed.
 */
export function exchangeImages(
  text: string,
  args: Readonly<Record<string, string>>,
  exchange: (image: string) => string | undefined,
  contexts: readonly { readonly name: string }[] = [],
): { readonly text: string; readonly exchanged: readonly ImageExchange[] } {
  if (text.length > LIMIT) return { text, exchanged: [] }
  const edits: Edit[] = []
  for (const { image, start, end, isWhole } of imagesOf(text, args, contexts)) {
    if (image === undefined || !isWhole) continue
    const to = exchange(image)
    if (to !== undefined && to !== image) edits.push({ start, end, from: image, to })
  }
  let out = ''
  let last = 0
  for (const { start, end, to } of edits) {
    out += text.slice(last, start) + to
    last = end
  }
  return { text: out + text.slice(last), exchanged: edits.map(({ from, to }) => ({ from, to })) }
}

/**
 * Whether a context of a name stands for an image of a Dockerfile (moby/buildkit, frontend/dockerui, named contexts):
 * names of stages have any case, and an image without a tag is the latest one of Docker Hub.
 */
export function isContext(image: string | undefined, name: string): boolean {
  if (image === undefined) return false
  return image.toLowerCase() === name.toLowerCase() || familiar(image) === familiar(name)
}

/** An image's name without what Docker takes for granted, as BuildKit keeps names of contexts. */
export const familiar = (image: string) =>
  image
    .replace(/^docker\.io\//, '')
    .replace(/^library\//, '')
    .replace(/:latest$/, '')

/** A place where a Dockerfile names an image. */
export interface NamedImage {
  /** Variables filled in; undefined where what it is made of is known to the build alone. */
  readonly image: string | undefined
  readonly written: string
  readonly start: number
  readonly end: number
  /** False: a continued line runs through it, so that it cannot be exchanged. */
  readonly isWhole: boolean
}

/**
 * The images that a Dockerfile names, in its order; stages of its own and `scratch` are none, but for stages in whose
 * place a context is.
 */
export function imagesOf(
  text: string,
  args: Readonly<Record<string, string>>,
  contexts: readonly { readonly name: string }[] = [],
): NamedImage[] {
  const found: NamedImage[] = []
  const globals = new Map<string, string>()
  const stages = new Set<string>()
  let stageCount = 0
  const propose = (written: string, start: number, end: number, mayVary: boolean, isWhole = true) => {
    const image = mayVary ? substitute(written, globals) : written
    const isKnown = image !== undefined && image !== '' && !/[$"'`\\\s]/.test(image)
    const name = isKnown ? image.toLowerCase() : ''
    const isReplaced = contexts.some((context) => isContext(image, context.name))
    if (name === 'scratch' || (stages.has(name) && !isReplaced)) return
    found.push({ image: isKnown ? image : undefined, written, start, end, isWhole })
  }
  for (const { name: written, words: all } of instructionsOf(text)) {
    // Runs in a later stage that begins from this one.
    const isLater = written === 'ONBUILD'
    const name = isLater ? (all[0]?.text.toUpperCase() ?? '') : written
    const words = isLater ? all.slice(1) : all
    if (name === 'ARG' && stageCount === 0) {
      for (const { text: word } of words) declare(word, args, globals)
    } else if (name === 'FROM') {
      stageCount++
      const at = words.findIndex(({ text: word }) => !word.startsWith('--'))
      const base = words[at]
      if (base) propose(unquoted(base.text), base.start, base.end, true)
      const alias = words[at + 2]
      if (words[at + 1]?.text.toUpperCase() === 'AS' && alias) stages.add(alias.text.toLowerCase())
    } else if (name === 'COPY' || name === 'RUN') {
      for (const word of words) {
        if (!word.text.startsWith('--')) break
        const from = name === 'RUN' ? mountFrom(word.text) : copyFrom(word.text)
        if (!from || (/^\d+$/.test(from.value) && Number(from.value) < stageCount)) continue
        const start = word.start + from.at
        // The place is known only where no continued line runs through the word.
        propose(
          from.value,
          start,
          start + from.value.length,
          false,
          word.end - word.start === word.text.length,
        )
      }
    }
  }
  return found
}

function declare(word: string, args: Readonly<Record<string, string>>, globals: Map<string, string>): void {
  const equals = word.indexOf('=')
  const name = equals < 0 ? word : word.slice(0, equals)
  const given = Object.hasOwn(args, name) ? args[name] : undefined
  const value = given ?? (equals < 0 ? undefined : substitute(unquoted(word.slice(equals + 1)), globals))
  if (value === undefined) globals.delete(name)
  else globals.set(name, value)
}

/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`; undefined where a value is not known. */
function substitute(text: string, values: ReadonlyMap<string, string>): string | undefined {
  let isKnown = true
  const whole = text.replace(
    /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::([-+])([^${}]*))?\})/g,
    (_, bare: string | undefined, braced: string | undefined, kind: string | undefined, word = '') => {
      const value = values.get(bare ?? braced ?? '')
      if (kind === '-') return value || word
      if (kind === '+') return value ? word : ''
      isKnown &&= value !== undefined
      return value ?? ''
    },
  )
  return isKnown ? whole : undefined
}

function unquoted(text: string): string {
  const quote = text[0]
  const isQuoted = text.length >= 2 && (quote === '"' || quote === "'") && text.endsWith(quote)
  return isQuoted ? text.slice(1, -1) : text
}

function copyFrom(word: string): { readonly value: string; readonly at: number } | undefined {
  const flag = '--from='
  return word.startsWith(flag) ? { value: word.slice(flag.length), at: flag.length } : undefined
}

/** Whether an option of COPY or RUN names a stage or an image. */
export function hasSource(option: string): boolean {
  return copyFrom(option) !== undefined || mountFrom(option) !== undefined
}

/** A mount is a list of `key=value`, divided by commas. */
function mountFrom(word: string): { readonly value: string; readonly at: number } | undefined {
  const flag = '--mount='
  if (!word.startsWith(flag)) return undefined
  let at = flag.length
  for (const field of word.slice(flag.length).split(',')) {
    // Fields may be quoted as in CSV, and their names are written in any case.
    const quote = field.startsWith('"') ? 1 : 0
    const bare = quote ? field.slice(1).replace(/"$/, '') : field
    if (/^from=/i.test(bare)) return { value: bare.slice(5), at: at + quote + 5 }
    at += field.length + 1
  }
  return undefined
}
