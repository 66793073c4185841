import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'

/** A definition somewhere below the folder that is scored. */
export interface Found {
  /** Absolute path of the repository's root. */
  readonly root: string
  /** Path of the definition's file within the repository, with `/`. */
  readonly path: string
  /** For the report: relative to the folder that is scored. */
  readonly shown: string
  /** The file is to be refused: a conformance set says so by its name. */
  readonly bad: boolean
  /** Nothing of its repository is there but definitions: files that they name are taken for granted. */
  readonly alone: boolean
  /** The text, where it has to be put together first: a fragment of a conformance set. */
  readonly text?: string
}

const skipped = new Set(['node_modules', '.git'])

/** Every definition below a folder, sorted. */
export function findDefinitions(top: string): Found[] {
  const found: Found[] = []
  const visit = (folder: string) => {
    const entries = readdirSync(folder, { withFileTypes: true })
    for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name)) visit(path)
      } else if (entry.isFile()) {
        const root = rootOf(path)
        if (root) found.push(whole(top, root, path))
        else if (isFragment(path)) found.push(...fragments(top, path))
      }
    }
  }
  visit(top)
  return found
}

const whole = (top: string, root: string, path: string): Found => ({
  root,
  path: relative(root, path).split(sep).join('/'),
  shown: relative(top, path),
  bad: false,
  alone: isAlone(root),
})

const definitionName = /^\.?(gitpod|devfile)\.ya?ml$|^\.devcontainer\.json$/

/** What a corpus keeps of a repository of which it has the definitions only. */
function isAlone(root: string): boolean {
  return readdirSync(root).every(
    (name) =>
      definitionName.test(name) || (name === '.devcontainer' && holdsDefinitionsOnly(join(root, name))),
  )
}

function holdsDefinitionsOnly(folder: string): boolean {
  return readdirSync(folder, { withFileTypes: true }).every((entry) =>
    entry.isDirectory()
      ? readdirSync(join(folder, entry.name)).every((name) => name === 'devcontainer.json')
      : entry.name === 'devcontainer.json',
  )
}

/** The root of the repository whose definition a file is; undefined where it is none. */
function rootOf(path: string): string | undefined {
  const folder = dirname(path)
  const name = basename(path)
  if (name === '.devcontainer.json') return folder
  if (name === 'devcontainer.json') {
    if (basename(folder) === '.devcontainer') return dirname(folder)
    if (basename(dirname(folder)) === '.devcontainer') return dirname(dirname(folder))
    // A bare file, as test configurations of tools have it.
    return folder
  }
  if (/^\.gitpod\.ya?ml$/.test(name) || /^\.?devfile\.ya?ml$/.test(name)) return folder
  return undefined
}

/** Of devfile's own conformance set: each file is one part of a devfile. */
function isFragment(path: string): boolean {
  return (
    /\.ya?ml$/.test(path) &&
    path.split(sep).some((part) => /conformance/i.test(part)) &&
    !/Start\.ya?ml$/.test(path)
  )
}

/** What is wrong stands in the names of that set. */
const badName =
  /Bad|bad|Invalid|Missing|No[A-Z]|MixedCase|LongName|Both|GitAndZip|And(?:Uri|Kubernetes)|IdAnd|UriAnd/

function fragments(top: string, path: string): Found[] {
  const text = readFileSync(path, 'utf8')
  const folder = dirname(path)
  const start = readdirSync(folder).find((name) => /Start\.ya?ml$/.test(name))
  // What is indented, or a list, goes on after the beginning that all files of the folder share.
  const head = start && /^[ \t-]/.test(text) ? readFileSync(join(folder, start), 'utf8').trimEnd() : ''
  const version = /^schemaVersion:/m.test(text) ? '' : 'schemaVersion: 2.2.0\n'
  return examplesOf(text).map((example) => ({
    root: folder,
    path: 'devfile.yaml',
    shown: relative(top, path),
    bad: badName.test(basename(path)),
    alone: true,
    text: completed(`${version}${head}\n${example.trimEnd()}\n`),
  }))
}

/** Each entry of a list is an example; of names at the top that repeat, the last one counts. */
function examplesOf(text: string): string[] {
  const lines = text.split('\n')
  const first = lines.find((line) => line.trim() !== '') ?? ''
  const indent = /^ *- /.exec(first)?.[0]
  if (indent) {
    const examples: string[][] = []
    for (const line of lines) {
      if (line.startsWith(indent)) examples.push([])
      examples.at(-1)?.push(line)
    }
    return examples.map((one) => one.join('\n'))
  }
  const blocks = new Map<string, string[]>()
  let name = ''
  for (const line of lines) {
    const key = /^([A-Za-z]\w*):/.exec(line)?.[1]
    if (key !== undefined) {
      name = key
      blocks.set(name, [])
    }
    if (!blocks.has(name)) blocks.set(name, [])
    blocks.get(name)?.push(line)
  }
  return [[...blocks.values()].flat().join('\n')]
}

/** With what a fragment refers to, and leaves to the rest of its file. */
function completed(text: string): string {
  const all = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))]
  const own = new Set([
    ...all(/^ *- *name: *["']?([\w.-]+)/gm).filter(() => /^components:/m.test(text)),
    ...all(/^ *- *id: *["']?([\w.-]+)/gm),
  ])
  const isName = (name: string) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)
  const components = all(/^ *component: *["']?([\w.-]+)/gm)
  const listed = (under: RegExp) =>
    [...text.matchAll(under)].flatMap((match) =>
      [...(match[1] ?? '').matchAll(/- *["']?([\w.-]+)/g)].map((each) => each[1] ?? ''),
    )
  const commands = [
    ...listed(/^ +commands:\s*\n((?: *- .*\n?)+)/gm),
    ...listed(/^ +(?:preStart|postStart|preStop|postStop):\s*\n((?: *- .*\n?)+)/gm),
  ]
  const volumes = [...text.matchAll(/volumeMounts:\s*\n((?:[ ]+.*\n?)*?)(?=\n? *\w+:\s*\n|$)/g)].flatMap(
    (match) => [...(match[1] ?? '').matchAll(/- *name: *["']?([\w.-]+)/g)].map((each) => each[1] ?? ''),
  )
  const wanted = [...new Set([...components, ...(commands.length > 0 ? ['stand-in'] : [])])]
  const added = [
    ...wanted.map((name) => `  - name: ${name}\n    container: { image: stand-in }\n`),
    ...[...new Set(volumes)].map((name) => `  - name: ${name}\n    volume: {}\n`),
  ].filter((line) => isName(/name: (\S+)/.exec(line)?.[1] ?? ''))
  const applied = new Set(listed(/^ +(?:preStart|postStop):\s*\n((?: *- .*\n?)+)/gm))
  const more = [...new Set(commands)]
    .filter((name) => !own.has(name))
    .map((name) => {
      const kind = applied.has(name)
        ? 'apply: { component: stand-in }'
        : "exec: { component: stand-in, commandLine: 'true' }"
      return `  - id: ${name.toLowerCase()}\n    ${kind}\n`
    })
  // What is there already is at the end, and goes on.
  return /^commands:/m.test(text)
    ? insert(insert(text, 'commands', more), 'components', added)
    : insert(insert(text, 'components', added), 'commands', more)
}

function insert(text: string, section: string, entries: readonly string[]): string {
  if (entries.length === 0) return text
  const at = new RegExp(`^${section}:[ \\t]*\\n`, 'm').exec(text)
  if (!at) return `${text}\n${section}:\n${entries.join('')}`
  // Behind what is there, as far in as that.
  return `${text.trimEnd()}\n${entries.join('')}`
}
