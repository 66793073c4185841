/** A `.dockerignore` as a question: is this path (relative, `/`-separated) left out of the build context? */
export interface IgnoreRules {
  ignores(path: string): boolean
  /** Whether something below an ignored folder may be taken back by a later `!` rule. */
  readonly hasExceptions: boolean
}

interface Rule {
  readonly expression: RegExp
  readonly exception: boolean
}

/** Reads a `.dockerignore` (docs.docker.com, ".dockerignore files"): the last rule that matches decides. */
export function parseIgnore(text: string): IgnoreRules {
  const rules: Rule[] = []
  for (const raw of text.replace(/^\uFEFF/, '').split('\n')) {
    const line = raw.trim()
    if (!line || line.startsWith('#')) continue
    const exception = line.startsWith('!')
    const pattern = clean(exception ? line.slice(1).trim() : line)
    if (pattern) rules.push({ expression: toExpression(pattern), exception })
  }
  return {
    hasExceptions: rules.some((rule) => rule.exception),
    ignores(path) {
      let ignored = false
      // A rule that fits a folder fits everything below it.
      for (const rule of rules) if (rule.exception === ignored && fits(rule, path)) ignored = !rule.exception
      return ignored
    },
  }
}

function fits({ expression }: Rule, path: string): boolean {
  if (expression.test(path)) return true
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    if (expression.test(path.slice(0, slash))) return true
  }
  return false
}

function clean(pattern: string): string {
  const parts: string[] = []
  for (const part of pattern.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return parts.join('/')
}

/** Go's filepath.Match, with `**` for any number of folders. */
function toExpression(pattern: string): RegExp {
  let source = ''
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] as string
    if (character === '*') {
      if (pattern[index + 1] === '*') {
        index++
        if (pattern[index + 1] === '/') {
          index++
          source += '(?:.*/)?'
        } else {
          source += '.*'
        }
      } else {
        source += '[^/]*'
      }
    } else if (character === '?') {
      source += '[^/]'
    } else if (character === '[') {
      const end = pattern.indexOf(']', index + 1)
      if (end < 0) {
        source += '\\['
      } else {
        source += `[${pattern.slice(index + 1, end).replaceAll('\\', '\\\\')}]`
        index = end
      }
    } else if (character === '\\' && index + 1 < pattern.length) {
      index++
      source += escapeExpression(pattern[index] as string)
    } else {
      source += escapeExpression(character)
    }
  }
  try {
    return new RegExp(`^${source}$`, 's')
  } catch {
    return new RegExp(`^${escapeExpression(pattern)}$`)
  }
}

function escapeExpression(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
