import { isScalar, isSeq, LineCounter, type ParsedNode, parseDocument, visit } from 'yaml'
import { z } from 'zod'
import { type Cluster, type Context, schemas, type User } from './model'

/** One named entry of a kubeconfig, and where it stands. */
export interface Entry<T> {
  readonly name: string
  readonly file: string
  /** From 1. */
  readonly line: number
  /** Absent where it is not what such an entry can be. */
  readonly value?: T
  /** Why, in words that hold nothing of the file's content. */
  readonly fault?: Fault
}

export interface Fault {
  readonly cause: string
  readonly line?: number
}

/** A kubeconfig as it stands in its file. Entries may repeat names. */
export interface KubeconfigFile {
  readonly file: string
  readonly clusters: readonly Entry<Cluster>[]
  readonly users: readonly Entry<User>[]
  readonly contexts: readonly Entry<Context>[]
  readonly currentContext?: string
  /** Present: nothing in it can be used. */
  readonly fault?: Fault
}

/** Times that one anchor of a YAML file may be repeated; more is an attack ("billion laughs") and not a kubeconfig. */
const MAX_ALIASES = 100

/** Reads what a kubeconfig says. Never throws: what cannot be used has its fault. */
export function parseKubeconfig(file: string, source: string): KubeconfigFile {
  try {
    return parse(file, source)
  } catch {
    // The messages of YAML errors quote the text, which holds secrets.
    return empty(file, { cause: 'It is not valid YAML, or too deeply nested.' })
  }
}

export function empty(file: string, fault?: Fault): KubeconfigFile {
  return { file, clusters: [], users: [], contexts: [], ...(fault && { fault }) }
}

/** kubectl's reader takes the last of two equal keys, and the first of several documents. */
export const yamlOptions = {
  merge: true,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const

function parse(file: string, source: string): KubeconfigFile {
  const lines = new LineCounter()
  const document = parseDocument(source, { ...yamlOptions, lineCounter: lines })
  const error = document.errors.find(({ code }) => code !== 'MULTIPLE_DOCS')
  if (error) {
    const { line, col } = lines.linePos(error.pos[0])
    return empty(file, { cause: `It is not valid YAML (${error.code}, column ${col}).`, line })
  }
  const root = document.contents
  if (root === null) return empty(file)
  keepNumbersAsWritten(root)
  const raw: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: MAX_ALIASES })) ?? 'null')
  if (raw === null) return empty(file)
  const lineOf = (path: readonly PropertyKey[]): number | undefined => {
    // What is missing has no place: that of what it is missing from is told.
    for (let depth = path.length; depth > 0; depth -= 1) {
      const node = document.getIn(path.slice(0, depth), true)
      const range = (node as ParsedNode | undefined)?.range
      if (range) return lines.linePos(range[0]).line
    }
    return undefined
  }
  const top = z.looseObject({}).safeParse(raw)
  if (!top.success) return empty(file, { cause: 'It is not a kubeconfig: it has no fields.', line: 1 })
  const { kind } = top.data
  if (kind !== undefined && kind !== null && kind !== '' && kind !== 'Config') {
    return empty(file, {
      cause: 'It is not a kubeconfig: its kind is not "Config".',
      line: lineOf(['kind']) ?? 1,
    })
  }

  const entries = <T>(list: string, field: string, schema: z.ZodType<T>): Entry<T>[] => {
    const items = top.data[list] ?? []
    if (!Array.isArray(items)) throw new NotAList(list, lineOf([list]))
    return items.flatMap((item: unknown, index): Entry<T>[] => {
      const named = z
        .looseObject({ name: z.union([z.string(), z.boolean()]).transform(String) })
        .safeParse(item)
      if (!named.success || named.data.name === '') return []
      const place = { name: named.data.name, file, line: lineOf([list, index]) ?? 1 }
      const parsed = schema.safeParse(named.data[field] ?? {})
      if (parsed.success) return [{ ...place, value: parsed.data }]
      const [issue] = parsed.error.issues
      const path = issue?.path ?? []
      return [
        {
          ...place,
          fault: {
            cause: `Its ${path.length > 0 ? path.map(String).join('.') : field}: ${issue?.message ?? 'is not valid'}.`,
            line: lineOf([list, index, field, ...path]) ?? place.line,
          },
        },
      ]
    })
  }
  const schema = schemas(file)
  const current = top.data['current-context']
  try {
    return {
      file,
      clusters: entries('clusters', 'cluster', schema.cluster),
      users: entries('users', 'user', schema.user),
      contexts: entries('contexts', 'context', schema.context),
      ...(typeof current === 'string' && current !== '' && { currentContext: current }),
    }
  } catch (error) {
    if (!(error instanceof NotAList)) throw error
    return empty(file, { cause: `Its "${error.list}" are not a list.`, line: error.line ?? 1 })
  }
}

class NotAList extends Error {
  readonly list: string
  readonly line: number | undefined

  constructor(list: string, line: number | undefined) {
    super(list)
    this.list = list
    this.line = line
  }
}

/** A token of digits alone is text, and is not to be rounded. What extensions hold is passed on with its types. */
function keepNumbersAsWritten(root: ParsedNode): void {
  visit(root, {
    Pair(_key, pair) {
      if (isScalar(pair.key) && pair.key.value === 'extensions' && isSeq(pair.value)) return visit.SKIP
      return undefined
    },
    Scalar(_key, node) {
      if (typeof node.value === 'number' && node.source !== undefined) node.value = node.source
    },
  })
}
