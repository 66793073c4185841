import type { Node } from 'jsonc-parser'
import { describe, expect, test } from 'vitest'
import { parseYaml, yamlDocument } from './yaml'

const bytes = (text: string) => new TextEncoder().encode(text)

function plain(node: Node | undefined): unknown {
  if (!node) return undefined
  if (node.type === 'array') return node.children?.map(plain)
  if (node.type !== 'object') return node.value
  return Object.fromEntries(
    (node.children ?? []).map((property) => [property.children?.[0]?.value, plain(property.children?.[1])]),
  )
}

const mistake = (text: string) => {
  try {
    yamlDocument('a.yaml', bytes(text), '')
  } catch (error) {
    return (error as { problem: { cause: string } }).problem.cause
  }
  return undefined
}

describe('a YAML definition', () => {
  test('becomes the tree of JSON, with the place of every value', () => {
    const text = 'image: debian\nports:\n  - port: 80\n    on: true\nnone:\n'
    const root = parseYaml(text)
    expect(plain(root)).toEqual({ image: 'debian', ports: [{ port: 80, on: true }], none: null })
    const port = root?.children?.[1]?.children?.[1]?.children?.[0]?.children?.[0]?.children?.[1]
    expect(text.slice(port?.offset, (port?.offset ?? 0) + (port?.length ?? 0))).toBe('80')
  })

  test('follows aliases and merge keys, what is written before what is merged', () => {
    expect(plain(parseYaml('a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\nd: {<<: [{x: 5}, *a]}\n'))).toEqual(
      {
        a: { x: 1, y: 2 },
        b: { x: 1, y: 3 },
        c: { x: 1, y: 2 },
        d: { x: 5, y: 2 },
      },
    )
  })

  test.each([
    ['a name twice', 'a: 1\nb: 2\na: 3\n', 'Line 3, column 1: "a" is there twice.'],
    ['an unknown anchor', 'a: *b\n', 'Line 1, column 4: There is no anchor "&b" before this.'],
    ['a tab', 'a:\n\tb: 1\n', 'Line 2, column 1: YAML is indented by spaces, and this is a tab.'],
    ['a name that is a list', '? [a]\n: 1\n', 'Line 1, column 3: A name must be plain text.'],
    ['several documents', 'a: 1\n---\nb: 2\n', 'The file holds several documents'],
    ['an open bracket', 'a: [1, 2\n', 'Line '],
  ])('says where there is %s', (_, text, cause) => {
    expect(mistake(text)).toContain(cause)
  })

  test('does not hang on closing brackets or directives without end', () => {
    expect(mistake('}'.repeat(200_000))).toContain('far more closing brackets')
    expect(mistake('%\n'.repeat(100_000))).toContain('far more directives')
    expect(mistake(`a: |\n  ${'}'.repeat(500)}\n`)).toBeUndefined()
  })

  test.each([
    ['//test\na: 1\n', 'Comments begin with #.'],
    ['a: b: c\n', 'There is a second colon in this line'],
    ['a: @b\n', 'has to be in quotes'],
    ['a: "\\q"\n', 'write a backslash as \\\\'],
  ])('says in plain words what is wrong with %j', (text, cause) => {
    expect(mistake(text)).toContain(cause)
  })

  test.each([
    [
      'aliases of aliases',
      `a0: &a0 [1]\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]\n`).join('')}`,
    ],
    ['an alias of itself', 'a: &a [*a]\n'],
    [
      'merges of merges',
      `a0: &a0 {x: 1}\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} {p: *a${n}, q: *a${n}}\n`).join('')}`,
    ],
    ['brackets without end', '['.repeat(200_000)],
    ['dashes without end', `${'- '.repeat(100_000)}a`],
    ['deep indentation', Array.from({ length: 1300 }, (_, n) => `${' '.repeat(n)}a:\n`).join('')],
    ['many names', Array.from({ length: 30_000 }, (_, n) => `a${n}: 1\n`).join('')],
    ['many aliases', `a: &a 1\nb:\n${'  - *a\n'.repeat(30_000)}`],
  ])('refuses %s, and does not hang', (_, text) => {
    expect(mistake(text)).toMatch(/^Line \d+, column \d+: (Values are nested|The file comes to more)/)
  })
})
