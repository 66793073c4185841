import type { Node } from 'jsonc-parser'
import {
  type Alias,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  type Node as YamlNode,
  type Document as YamlText,
} from 'yaml'
import { Document, maximumDepth, SyntaxProblem } from './document'
import { shorten } from './value'

/** Of a YAML file, in bytes: it takes its parser far longer than JSON. */
export const maximumYamlBytes = 256 * 1024

/** Values that a file may come to when its aliases are followed: an alias of aliases of aliases is an attack. */
const maximumValues = 20_000

const tags = new WeakMap<Node, string>()

/** The tag of its own, such as `!reset`, that a value of a YAML file has; undefined for all that YAML itself knows. */
export function ownTag(node: Node): string | undefined {
  return tags.get(node)
}

/** A YAML file of one document. Throws `definition-invalid`. */
export function yamlDocument(path: string, bytes: Uint8Array, example: string): Document {
  return new Document(path, bytes, parseYaml, example)
}

/** Throws a {@link SyntaxProblem}; undefined where the text is empty. */
export function parseYaml(text: string): Node | undefined {
  checkDepth(text)
  let document: YamlText.Parsed
  try {
    document = parseDocument(text, {
      prettyErrors: false,
      // Merge keys are merged below, where aliases are counted.
      merge: false,
      // Checked below, in a time that does not grow with the square of the names.
      uniqueKeys: false,
      strict: false,
    })
  } catch (error) {
    // Too deep for the parser's own recursion.
    if (error instanceof RangeError) throw tooDeep(0)
    throw error
  }
  const first = document.errors[0]
  // What its own recursion ends with is told as a mistake of the text.
  if (first && /call stack/i.test(first.message)) throw tooDeep(first.pos[0])
  if (first) throw new SyntaxProblem(first.pos[0], explain(first.code, first.message), '')
  if (document.contents === null) return undefined
  const conversion = new Conversion()
  const root = conversion.convert(document.contents as YamlNode, 0)
  return root.type === 'null' ? undefined : root
}

/** Indentation and brackets bound how deep a text can be, without a parser. */
function checkDepth(text: string): void {
  let brackets = 0
  let closers = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '[' || character === '{') brackets += 1
    else if (character === ']' || character === '}') {
      if (brackets === 0) closers += 1
      brackets = Math.max(0, brackets - 1)
    }
    // Each is a mistake of its own, and what the parser takes for them grows with their square.
    if (closers > 1000) throw new SyntaxProblem(at, 'There are far more closing brackets than opening ones.')
    // Brackets in texts count too: no definition has that many open ones.
    if (brackets > 1000) throw tooDeep(at)
  }
  let directives = 0
  for (const { index } of text.matchAll(/^%/gm)) {
    directives += 1
    if (directives > 100) throw new SyntaxProblem(index, 'There are far more directives than anybody needs.')
  }
  for (const match of text.matchAll(/(?:^|\n)[ ]*((?:- +|\? +){64,})/g)) throw tooDeep(match.index)
}

function tooDeep(offset: number): SyntaxProblem {
  return new SyntaxProblem(offset, `Values are nested more than ${maximumDepth} deep.`)
}

/** Of YAML's tree to that of JSON: aliases are followed, merge keys merged, tags of other languages refused. */
class Conversion {
  readonly #anchors = new Map<string, YamlNode>()
  #values = 0

  convert(node: unknown, depth: number, at = 0): Node {
    const converted = this.#convert(node, depth, at)
    if (isNode(node) && node.tag?.startsWith('!')) tags.set(converted, node.tag)
    return converted
  }

  #convert(node: unknown, depth: number, at: number): Node {
    if (!isNode(node)) return { type: 'null', offset: at, length: 0, value: null }
    const offset = node.range?.[0] ?? at
    const length = Math.max(0, (node.range?.[1] ?? offset) - (node.range?.[0] ?? offset))
    this.#values += 1
    if (depth > maximumDepth) throw tooDeep(offset)
    if (this.#values > maximumValues) {
      throw new SyntaxProblem(offset, `The file comes to more than ${maximumValues} values.`)
    }
    if (isAlias(node)) return this.convert(this.#meant(node, offset), depth + 1)
    if (node.anchor) this.#anchors.set(node.anchor, node)
    if (isMap(node)) {
      const children = new Map<string, Node>()
      const written = new Set<string>()
      for (const { key, value } of node.items) {
        const name = this.#name(key, offset)
        if (name === '<<' && isScalar(key) && key.type === 'PLAIN') this.#merge(value, depth, children)
        else {
          const property = this.#property(name, key, value, depth)
          if (written.has(name))
            throw new SyntaxProblem(property.offset, `"${shorten(name)}" is there twice.`)
          written.add(name)
          children.set(name, property)
        }
      }
      return { type: 'object', offset, length, children: [...children.values()] }
    }
    if (isSeq(node)) {
      const children = node.items.map((item) => this.convert(item, depth + 1))
      return { type: 'array', offset, length, children }
    }
    return { ...this.#scalar(isScalar(node) ? node.value : null, node, offset), offset, length }
  }

  #property(name: string, key: unknown, value: unknown, depth: number): Node {
    const keyOffset = isNode(key) ? (key.range?.[0] ?? 0) : 0
    const keyNode: Node = { type: 'string', offset: keyOffset, length: name.length, value: name }
    // A name without a value: that is where a message points.
    const valueNode =
      isNode(value) && value.range ? this.convert(value, depth + 1) : this.convert(null, 0, keyOffset)
    return { type: 'property', offset: keyOffset, length: name.length, children: [keyNode, valueNode] }
  }

  #name(key: unknown, offset: number): string {
    if (isAlias(key)) return this.#name(this.#meant(key, offset), offset)
    if (isScalar(key)) return key.source ?? String(key.value ?? '')
    throw new SyntaxProblem(isNode(key) ? (key.range?.[0] ?? offset) : offset, 'A name must be plain text.')
  }

  #scalar(value: unknown, node: YamlNode, offset: number): Pick<Node, 'type' | 'value'> {
    switch (typeof value) {
      case 'string':
        return { type: 'string', value }
      case 'number':
      case 'bigint':
        return { type: 'number', value: Number(value) }
      case 'boolean':
        return { type: 'boolean', value }
      default:
        if (value === null || value === undefined) return { type: 'null', value: null }
        throw new SyntaxProblem(offset, `A value has the tag ${node.tag ?? '?'}, which means nothing here.`)
    }
  }

  /** One that holds itself ends at the greatest depth. */
  #meant(alias: Alias, offset: number): YamlNode {
    const meant = this.#anchors.get(alias.source)
    if (!meant) throw new SyntaxProblem(offset, `There is no anchor "&${alias.source}" before this.`)
    return meant
  }

  /** What is merged gives way to what is written, and among several the first counts (YAML merge key). */
  #merge(value: unknown, depth: number, into: Map<string, Node>): void {
    const merged = this.convert(value, depth + 1)
    for (const object of merged.type === 'array' ? (merged.children ?? []) : [merged]) {
      if (object.type !== 'object')
        throw new SyntaxProblem(object.offset, 'Only an object can be merged with "<<".')
      for (const property of object.children ?? []) {
        const name = String(property.children?.[0]?.value)
        if (!into.has(name)) into.set(name, property)
      }
    }
  }
}

function explain(code: string, message: string): string {
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'YAML is indented by spaces, and this is a tab.'
    case 'BAD_INDENT':
      return 'This is indented less, or more, than what it belongs to.'
    case 'MULTILINE_IMPLICIT_KEY':
      return 'This is neither a name with a colon nor part of what is above it. Comments begin with #.'
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'There is a second colon in this line: put the text in quotes, or the rest on a line of its own.'
    case 'BAD_SCALAR_START':
      return 'A text that begins with this character has to be in quotes.'
    case 'BAD_DQ_ESCAPE':
      return 'There is no such escape: write a backslash as \\\\, or use single quotes.'
    case 'MULTIPLE_DOCS':
      return 'The file holds several documents, and only one is read.'
    default: {
      const [line = ''] = message.split('\n', 1)
      return line.endsWith('.') ? line : `${line}.`
    }
  }
}
