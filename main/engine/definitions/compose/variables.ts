import type { Node } from 'jsonc-parser'
import type { Document } from '../document/document'
import type { Value } from '../document/value'
import type { DefinitionContext } from '../reader'
import type { Substitution } from '../variables'
import { InterpolationMistake, interpolate, type Lookup, type Text } from './interpolate'

/** Where the source's folder is, as far as variables and absolute paths of Compose files know. */
export function folderOfSource(context: DefinitionContext): string {
  return (context.localFolder ?? `/workspaces/${context.sourceName}`).replaceAll('\\', '/')
}

/**
 * The variables of Compose files: this machine's environment before those that files of the repository set (Compose,
 * "Environment variables precedence").
 */
export function composeVariables(context: DefinitionContext, written: Lookup): Lookup {
  const folder = folderOfSource(context)
  return (name) => {
    // That of whoever would call Compose in the source's folder, not Berth's own.
    if (name === 'PWD') return { value: folder, guarded: folder }
    const own = Object.hasOwn(context.env, name) ? context.env[name] : undefined
    const fallback = written(name)
    if (own === undefined) return fallback
    return { value: own, guarded: fromEnvironment(name, fallback) }
  }
}

/** Of a variable that this machine's environment gives; another machine's may lack it. */
export function fromEnvironment(name: string, fallback?: Text): string {
  const plain = fallback !== undefined && !/[}$]/.test(fallback.guarded) && fallback.guarded !== ''
  return `\${localEnv:${name}${plain ? `:${fallback.guarded}` : ''}}`
}

/** Fills in texts of one Compose file. `onUnset` is told of every variable that is not set. */
export function composeSubstitution(lookup: Lookup, onUnset: (name: string) => void): Substitution {
  const told: Lookup = (name, hasOther) => {
    const found = lookup(name, hasOther)
    if (!found && !hasOther) onUnset(name)
    return found
  }
  return {
    unknown: new Set(),
    all: (text) => interpolate(text, told).value,
    exceptEnvironment: (text) => interpolate(text, told).guarded,
  }
}

/**
 * Looks at every text of a file, used or not, as Compose does: throws `definition-invalid` with the place of the first
 * that cannot be filled in.
 */
export function checkVariables(document: Document, lookup: Lookup): void {
  const check = (node: Node) => {
    if (node.type === 'string') {
      try {
        interpolate(String(node.value), lookup)
      } catch (error) {
        if (error instanceof InterpolationMistake) throw document.invalid(node, error.message, error.remedy)
        throw error
      }
    } else if (node.type === 'property') {
      const [key, value] = node.children ?? []
      if (value && !String(key?.value).startsWith('x-')) check(value)
    } else for (const child of node.children ?? []) check(child)
  }
  check(document.root)
}

/** Whether a value is filled in from this machine's environment, which may be a secret. */
export function namesEnvironment(value: Value): boolean {
  return value.type === 'string' && value.guardedText() !== value.text()
}
