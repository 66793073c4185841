import { isMap, isScalar, isSeq, type Pair, parseDocument, type YAMLMap } from 'yaml'
import { yamlOptions } from '../kubeconfig/parse'

/**
 * A kubeconfig's text with values of a user's auth-provider config changed or added, and every other byte as it was.
 * Undefined where that cannot be done: there is no such user, or its entry is written in a way that an edit in place
 * would not come out right (the outcome is read again and compared).
 */
export function editAuthProvider(
  source: string,
  user: string,
  values: Readonly<Record<string, string>>,
): string | undefined {
  let text = source
  for (const [key, value] of Object.entries(values)) {
    const edited = edit(text, user, key, value)
    if (edited === undefined) return undefined
    text = edited
  }
  return text
}

function edit(source: string, user: string, key: string, value: string): string | undefined {
  const config = configOf(source, user)
  const first = config?.items[0]
  if (!config || !first) return undefined
  const pair = config.items.find((item) => isScalar(item.key) && item.key.value === key)
  // Double-quoted YAML is a superset of JSON's strings.
  const quoted = JSON.stringify(value)
  const edited = pair ? replace(source, pair, quoted) : insert(source, config, first, key, quoted)
  if (edited === undefined) return undefined
  return isAsWanted(source, edited, user, key, value) ? edited : undefined
}

function configOf(source: string, user: string): YAMLMap | undefined {
  const document = parseDocument(source, yamlOptions)
  const users = document.get('users')
  if (!isSeq(users)) return undefined
  const entry = users.items.find((item) => isMap(item) && item.get('name') === user)
  const config = isMap(entry) ? entry.getIn(['user', 'auth-provider', 'config']) : undefined
  return isMap(config) ? config : undefined
}

function replace(source: string, pair: Pair, quoted: string): string | undefined {
  const range = isScalar(pair.value) ? pair.value.range : undefined
  if (!range) return undefined
  const [start, end] = range
  // `key:` without a value has its range right after the colon.
  const gap = start === end && source[start - 1] === ':' ? ' ' : ''
  const old = source.slice(start, end)
  // A block scalar (`key: |`) takes the line break with it.
  const rest = /\r?\n$/.exec(old)?.[0] ?? ''
  return source.slice(0, start) + gap + quoted + rest + source.slice(end)
}

function insert(
  source: string,
  config: YAMLMap,
  first: Pair,
  key: string,
  quoted: string,
): string | undefined {
  const range = isScalar(first.key) ? first.key.range : undefined
  if (!range) return undefined
  const [start] = range
  if (config.flow) return `${source.slice(0, start)}${JSON.stringify(key)}: ${quoted}, ${source.slice(start)}`
  const lineStart = source.lastIndexOf('\n', start - 1) + 1
  const indent = source.slice(lineStart, start)
  // `config: {` and `- key:` are written otherwise; the first key of a block stands after blanks alone.
  if (!/^ *$/.test(indent)) return undefined
  const lineBreak = source.includes('\r\n') ? '\r\n' : '\n'
  return `${source.slice(0, start)}${key}: ${quoted}${lineBreak}${indent}${source.slice(start)}`
}

function isAsWanted(before: string, after: string, user: string, key: string, value: string): boolean {
  const document = parseDocument(after, yamlOptions)
  if (document.errors.some(({ code }) => code !== 'MULTIPLE_DOCS')) return false
  const edited = configOf(after, user)
  if (edited?.get(key) !== value) return false
  // Everything but the one value is the same.
  const without = (text: string) => {
    const copy = parseDocument(text, yamlOptions)
    const users = copy.get('users')
    const index = isSeq(users)
      ? users.items.findIndex((item) => isMap(item) && item.get('name') === user)
      : -1
    copy.deleteIn(['users', index, 'user', 'auth-provider', 'config', key])
    return JSON.stringify(copy.toJS({ maxAliasCount: 100 }))
  }
  try {
    return without(before) === without(after)
  } catch {
    return false
  }
}
