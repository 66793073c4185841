/** A pattern of file names as a question. */
export interface Glob {
  test(path: string): boolean
}

type Part =
  | { readonly kind: 'character'; readonly fits: (character: string) => boolean }
  /** `*`: any characters but slashes. */
  | { readonly kind: 'name' }
  /** `**`: any characters. */
  | { readonly kind: 'all' }
  /** `**` with a slash behind it: any number of folders. */
  | { readonly kind: 'folders' }

/** Two stars in one name, and one for folders: a regular expression tries so few ways that it is the faster one. */
const fewStars = 2

/** Go's filepath.Match, with `**` for any number of folders. What cannot be read so stands for itself. */
export function readGlob(pattern: string): Glob {
  const parts = partsOf(pattern)
  if (isModest(pattern)) {
    try {
      return new RegExp(`^${expressionOf(pattern)}$`, 's')
    } catch {
      return { test: (path) => path === pattern }
    }
  }
  return { test: (path) => walk(parts, path) }
}

function isModest(pattern: string): boolean {
  // A class may hold a slash, and divides no names.
  const plain = pattern.replace(/\[[^\]]*\]/g, '?')
  const wide = plain.split('**').length - 1
  const names = plain.replaceAll('**', '').split('/')
  return wide <= 1 && names.every((name) => name.split('*').length - 1 <= fewStars)
}

/**
 * All ways at once, character by character, in a time that does not grow faster than the product of the two lengths:
 * `*a*a*a*…b` is a pattern that anybody can put into a repository.
 */
function walk(parts: readonly Part[], path: string): boolean {
  let at = open(parts, [0])
  for (const character of path) {
    const next: number[] = []
    for (const place of at) {
      const index = Math.floor(place)
      const part = parts[index]
      if (part?.kind === 'character') {
        if (part.fits(character)) next.push(index + 1)
      } else if (part?.kind === 'folders') {
        next.push(index + within)
        if (character === '/') next.push(index + 1)
      } else if (part && (part.kind === 'all' || character !== '/')) next.push(index)
    }
    if (next.length === 0) return false
    at = open(parts, next)
  }
  return at.has(parts.length)
}

/** Added to a part's number: folders that have begun, and end behind a slash only. */
const within = 0.5

/** With all places that are reached without a character: a star may stand for nothing, and folders for none. */
function open(parts: readonly Part[], from: readonly number[]): ReadonlySet<number> {
  const reached = new Set<number>()
  for (const start of from) {
    for (let index = start; !reached.has(index); index++) {
      reached.add(index)
      const kind = parts[index]?.kind
      if (kind === undefined || kind === 'character') break
    }
  }
  return reached
}

function partsOf(pattern: string): Part[] {
  const parts: Part[] = []
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] as string
    if (character === '*') {
      if (pattern[index + 1] !== '*') parts.push({ kind: 'name' })
      else if (pattern[index + 2] === '/') {
        parts.push({ kind: 'folders' })
        index += 2
      } else {
        parts.push({ kind: 'all' })
        index += 1
      }
    } else if (character === '?') parts.push({ kind: 'character', fits: (one) => one !== '/' })
    else if (character === '[' && pattern.indexOf(']', index + 1) > 0) {
      const end = pattern.indexOf(']', index + 1)
      const set = classOf(pattern.slice(index + 1, end))
      if (set) parts.push({ kind: 'character', fits: (one) => set.test(one) })
      index = end
    } else {
      if (character === '\\' && index + 1 < pattern.length) index++
      const meant = pattern[index]
      parts.push({ kind: 'character', fits: (one) => one === meant })
    }
  }
  return parts
}

/** Undefined for one that is none, such as `z-a`. */
function classOf(characters: string): RegExp | undefined {
  try {
    return new RegExp(`^[${characters.replaceAll('\\', '\\\\')}]$`, 's')
  } catch {
    return undefined
  }
}

function expressionOf(pattern: string): string {
  let source = ''
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] as string
    if (character === '*') {
      if (pattern[index + 1] === '*') {
        index++
        if (pattern[index + 1] === '/') {
          index++
          source += '(?:.*/)?'
        } else source += '.*'
      } else source += '[^/]*'
    } else if (character === '?') source += '[^/]'
    else if (character === '[' && pattern.indexOf(']', index + 1) > 0) {
      const end = pattern.indexOf(']', index + 1)
      source += `[${pattern.slice(index + 1, end).replaceAll('\\', '\\\\')}]`
      index = end
    } else {
      if (character === '\\' && index + 1 < pattern.length) index++
      source += escapeExpression(pattern[index] as string)
    }
  }
  return source
}

function escapeExpression(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
