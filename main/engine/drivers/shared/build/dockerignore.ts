import { type Glob, readGlob } from './glob'

/** A `.dockerignore` as a question: is this path (relative, `/`-separated) left out of the build context? */
export interface IgnoreRules {
  ignores(path: string): boolean
  /** Whether something below an ignored folder may be taken back by a later `!` rule. */
  readonly hasExceptions: boolean
}

interface Rule {
  readonly glob: Glob
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
    if (pattern) rules.push({ glob: readGlob(pattern), exception })
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

function fits({ glob }: Rule, path: string): boolean {
  if (glob.test(path)) return true
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    if (glob.test(path.slice(0, slash))) return true
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
