import type { Node } from 'jsonc-parser'
import { getNodeValue } from 'jsonc-parser'
import { Policy, type Problem, ProblemError } from '#contract'
import type { Document } from '../definitions/document/document'
import { describe } from '../definitions/document/document'
import { maximumYamlBytes, yamlDocument } from '../definitions/document/yaml'
import { closest } from '../definitions/suggest'
import type { LoadedPolicy } from './loaded'

/** A zod issue, as far as it is told further. */
interface Issue {
  readonly code: string
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
  readonly values?: readonly unknown[]
  readonly expected?: string
  readonly errors?: readonly (readonly Issue[])[]
  readonly issues?: readonly Issue[]
}

/** Mistakes of one file that are told; a person mends them a few at a time. */
const MOST_MISTAKES = 20

const example =
  'A policy begins with apiVersion: berth.dev/v1, kind: Policy and metadata with a name, see docs/policy.md.'

/**
 * The policy that a text is, with the lines of its rules; else its mistakes, each a `policy-unreadable` Problem with file,
 * line and column. `path` is for messages.
 */
export function readPolicy(
  path: string,
  bytes: Uint8Array,
): { readonly loaded: Omit<LoadedPolicy, 'origin'> } | { readonly problems: readonly Problem[] } {
  if (bytes.length > maximumYamlBytes) return { problems: [tooLarge(path)] }
  let document: Document
  try {
    document = yamlDocument(path, bytes, example)
  } catch (error) {
    if (error instanceof ProblemError) return { problems: [asPolicyProblem(error.problem)] }
    throw error
  }
  const value: unknown = getNodeValue(document.root)
  const found = Policy.safeParse(value)
  if (found.success) {
    return { loaded: { policy: found.data, path, lineOf: linesOf(document) } }
  }
  const issues = (found.error.issues as unknown as readonly Issue[]).flatMap(innermost)
  const problems = issues.slice(0, MOST_MISTAKES).flatMap((issue) => told(document, issue))
  return { problems: problems.map(asPolicyProblem) }
}

function tooLarge(path: string): Problem {
  return {
    code: 'policy-unreadable',
    title: `${path} is too large`,
    cause: `It has more than ${maximumYamlBytes / 1024} KiB.`,
    remedy: 'A policy is a small file; check that it is the right one.',
  }
}

/** A definition's mistakes and a policy's are told alike; whoever meets them has to know which it is. */
function asPolicyProblem(found: Problem): Problem {
  return { ...found, code: 'policy-unreadable' }
}

/** Of a union, what is wrong with the form that was most likely meant; of a key, what is wrong with it. */
function innermost(issue: Issue): Issue[] {
  if (issue.code === 'invalid_union' && issue.errors) {
    const best = [...issue.errors].sort((one, other) => faultsOf(one) - faultsOf(other))[0] ?? []
    if (best.length === 0) return [issue]
    return best.flatMap((each) => innermost({ ...each, path: [...issue.path, ...each.path] }))
  }
  return [issue]
}

/** How far values are from a form: of another kind altogether is far. */
function faultsOf(issues: readonly Issue[]): number {
  return issues.reduce(
    (sum, { code, path, keys }) =>
      sum +
      (code === 'invalid_type' && path.length === 0
        ? 100
        : code === 'unrecognized_keys'
          ? (keys?.length ?? 1)
          : 1),
    0,
  )
}

function told(document: Document, issue: Issue): Problem[] {
  const { path, code } = issue
  if (code === 'unrecognized_keys') {
    const known = knownFields(path)
    return (issue.keys ?? []).map((key) => {
      const meant = closest(key, known)
      const place = keyOf(document.root, [...path, key])
      return document.invalid(
        place,
        `"${[...path, key].map(String).join('.').slice(0, 200)}" is no field of a policy.`,
        meant === undefined
          ? known.length > 0
            ? `There are: ${known.join(', ')}.`
            : ''
          : `Did you mean "${meant}"?`,
      ).problem
    })
  }
  const node = nodeAt(document.root, path)
  const name = path.map(String).join('.').slice(0, 200)
  if (!node) {
    const parent = keyOf(document.root, path.slice(0, -1))
    return [document.invalid(parent, `"${name}" is missing.`, example).problem]
  }
  const atKey = code === 'invalid_key' || (code === 'custom' && hasKey(document.root, path))
  const place = atKey ? keyOf(document.root, path) : node
  const inner = code === 'invalid_key' ? (issue.issues?.[0]?.message ?? issue.message) : issue.message
  return [
    document.invalid(place, `"${name}": ${sentence(issue, inner, node)}`, meantValue(issue, node)).problem,
  ]
}

function sentence({ code, expected, values }: Issue, message: string, node: Node): string {
  if (code === 'invalid_type') {
    const wanted =
      expected === 'object' || expected === 'record'
        ? 'an object'
        : expected === 'array'
          ? 'a list'
          : `a ${expected}`
    const hint = expected === 'string' && node.type !== 'string' ? ' Put it in quotes.' : ''
    return `it must be ${wanted}, not ${describe(node)}.${hint}`
  }
  if (code === 'invalid_value') return `it must be ${(values ?? []).map(String).join(' or ')}.`
  return message.endsWith('.') ? message : `${message}.`
}

function meantValue({ code, values }: Issue, node: Node): string {
  if (code !== 'invalid_value' || node.type !== 'string') return ''
  const meant = closest(String(node.value), (values ?? []).map(String))
  return meant === undefined ? '' : `Did you mean "${meant}"?`
}

/** What may stand in an object of the file, by the schema itself. */
function knownFields(path: readonly PropertyKey[]): string[] {
  let schemas: unknown[] = [Policy]
  for (const part of path) schemas = schemas.flatMap((schema) => within(schema, part))
  return [...new Set(schemas.flatMap((schema) => Object.keys(shapeOf(schema) ?? {})))]
}

interface Schema {
  readonly def: {
    readonly type: string
    readonly innerType?: unknown
    readonly element?: unknown
    readonly valueType?: unknown
    readonly options?: readonly unknown[]
  }
  readonly shape?: Record<string, unknown>
}

function within(schema: unknown, part: PropertyKey): unknown[] {
  return unwrapped(schema).flatMap((one) => {
    const { def, shape } = one as Schema
    if (def.type === 'array') return unwrapped(def.element)
    if (def.type === 'record') return unwrapped(def.valueType)
    const field = shape && Object.hasOwn(shape, part) ? shape[String(part)] : undefined
    return field === undefined ? [] : unwrapped(field)
  })
}

function unwrapped(schema: unknown): unknown[] {
  const { def } = schema as Schema
  if (def.type === 'optional' || def.type === 'nullable' || def.type === 'default')
    return unwrapped(def.innerType)
  if (def.type === 'union') return (def.options ?? []).flatMap(unwrapped)
  return [schema]
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  return (schema as Schema).def.type === 'object' ? (schema as Schema).shape : undefined
}

function propertyAt(root: Node, path: readonly PropertyKey[]): Node | undefined {
  const parent = nodeAt(root, path.slice(0, -1))
  const name = path.at(-1)
  if (parent?.type !== 'object' || name === undefined) return undefined
  // The last of two of one name counts, as in its value.
  return parent.children?.findLast((property) => String(property.children?.[0]?.value) === String(name))
}

function nodeAt(root: Node, path: readonly PropertyKey[]): Node | undefined {
  let node: Node | undefined = root
  for (const [index, part] of path.entries()) {
    if (node?.type === 'array') node = node.children?.[Number(part)]
    else node = propertyAt(root, path.slice(0, index + 1))?.children?.[1]
    if (!node) return undefined
  }
  return node
}

const hasKey = (root: Node, path: readonly PropertyKey[]) => propertyAt(root, path) !== undefined

/** Where a field's name stands; of what is in a list, the value itself. */
function keyOf(root: Node, path: readonly PropertyKey[]): Node {
  return propertyAt(root, path)?.children?.[0] ?? nodeAt(root, path) ?? root
}

/** The line of each field, found when it is asked for. */
function linesOf(document: Document): LoadedPolicy['lineOf'] {
  return (path) => document.lineOf(keyOf(document.root, path))
}
