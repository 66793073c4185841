import { findNodeAtLocation, type JSONPath, type Node } from 'jsonc-parser'
import { ProblemError } from '#contract'
import { parseJson } from '../document/json'
import { parseYaml } from '../document/yaml'
import type { RepositoryReader } from '../reader'

/** What is read of a repository at most: each file may be a question to a git server. Sizes are in bytes. */
const limits = { files: 40, folders: 16, bytes: 128 * 1024, names: 2_000, milliseconds: 10_000 }

/** Longer lines are no person's, and are not searched. */
const longestLine = 1_000

/** Something a file says, and where. */
export interface Fact {
  readonly value: string
  readonly because: string
  readonly line?: number
}

/** A text of the repository in which things are found with their lines. */
export class Clue {
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]

  constructor(path: string, text: string) {
    this.path = path
    this.text = text
    this.lines = text.split(/\r?\n/).map((line) => (line.length > longestLine ? '' : line))
  }

  fact(value: string, line?: number): Fact {
    return { value, because: this.path, ...(line === undefined ? {} : { line }) }
  }

  /** The first group of the first line that matches; the pattern is tried on each line by itself. */
  find(pattern: RegExp): Fact | undefined {
    return this.all(pattern)[0]
  }

  all(pattern: RegExp): Fact[] {
    const found: Fact[] = []
    for (const [index, line] of this.lines.entries()) {
      const value = pattern.exec(line)?.[1]
      if (value !== undefined) found.push(this.fact(value, index + 1))
    }
    return found
  }

  lineOf(offset: number): number {
    return this.text.slice(0, offset).split('\n').length
  }

  /** A tree of JSON or YAML; undefined where it is none. */
  tree(): Node | undefined {
    try {
      return /\.ya?ml$/.test(this.path) ? parseYaml(this.text) : parseJson(this.text)
    } catch {
      return undefined
    }
  }

  /** A string, or a number as it is read, at a place of a tree. */
  at(root: Node | undefined, path: JSONPath): Fact | undefined {
    const node = root && findNodeAtLocation(root, path)
    if (node?.type !== 'string' && node?.type !== 'number') return undefined
    return this.fact(String(node.value).slice(0, longestLine), this.lineOf(node.offset))
  }
}

/** A table's key in a TOML file, without a parser: a string, the first of a list, or `version` of an inline table. */
export function tomlValue(clue: Clue, table: string, key: string): Fact | undefined {
  let current = ''
  for (const [index, line] of clue.lines.entries()) {
    const head = /^\s*\[+\s*([^\]\s]+)\s*\]/.exec(line)?.[1]
    if (head !== undefined) current = head.replaceAll('"', '')
    else if (current === table) {
      const equals = line.indexOf('=')
      if (equals < 0 || line.slice(0, equals).trim().replaceAll('"', '') !== key) continue
      const right = line.slice(equals + 1)
      const value =
        /\bversion\s*=\s*"([^"]*)"/.exec(right)?.[1] ?? /["']([^"']*)["']/.exec(right)?.[1] ?? right.trim()
      return clue.fact(value, index + 1)
    }
  }
  return undefined
}

/** Names in some folder of a repository, and the texts that are asked for: each once, and not without end. */
export class Evidence {
  readonly #reader: RepositoryReader
  readonly #clues = new Map<string, Promise<Clue | undefined>>()
  readonly #folders = new Map<string, Promise<readonly string[]>>()
  readonly #deadline = performance.now() + limits.milliseconds

  constructor(reader: RepositoryReader) {
    this.#reader = reader
  }

  names(folder: string): Promise<readonly string[]> {
    const known = this.#folders.get(folder)
    if (known) return known
    const full = this.#folders.size >= limits.folders || performance.now() > this.#deadline
    const listing = full
      ? Promise.resolve([])
      : forgiving(this.#reader.list(folder), []).then((names) => names.slice(0, limits.names))
    this.#folders.set(folder, listing)
    return listing
  }

  /** The text of a file that is named in its folder; undefined where there is none that could be read. */
  async clue(path: string): Promise<Clue | undefined> {
    const slash = path.lastIndexOf('/')
    const names = await this.names(slash < 0 ? '.' : path.slice(0, slash))
    if (!names.includes(path.slice(slash + 1))) return undefined
    const known = this.#clues.get(path)
    if (known) return known
    const full = this.#clues.size >= limits.files || performance.now() > this.#deadline
    const reading = full ? Promise.resolve(undefined) : this.#read(path)
    this.#clues.set(path, reading)
    return reading
  }

  async #read(path: string): Promise<Clue | undefined> {
    const bytes = await forgiving(this.#reader.read(path, limits.bytes), undefined)
    if (!bytes || bytes.includes(0)) return undefined
    return new Clue(path, new TextDecoder().decode(bytes))
  }
}

/** A file that is too long, or a link that leads out, says nothing; a server that does not answer is a failure. */
async function forgiving<T>(asking: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await asking
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'definition-invalid') return otherwise
    throw error
  }
}
