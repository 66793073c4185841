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
        else if (isFragment(path)) found.push(fragment(top, path))
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

/** What a corpus keeps of a repository of which it has the definition only. */
function isAlone(root: string): boolean {
  return readdirSync(root).every((name) => /^\.?(gitpod|devfile)\.ya?ml$|^\.devcontainer\.json$/.test(name))
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

function fragment(top: string, path: string): Found {
  const text = readFileSync(path, 'utf8')
  const folder = dirname(path)
  const start = readdirSync(folder).find((name) => /Start\.ya?ml$/.test(name))
  const isList = /^\s*-/.test(text)
  const head = start && isList ? readFileSync(join(folder, start), 'utf8') : ''
  const version = /^schemaVersion:/m.test(text) ? '' : 'schemaVersion: 2.0.0\n'
  return {
    root: folder,
    path: 'devfile.yaml',
    shown: relative(top, path),
    bad: badName.test(basename(path)),
    alone: true,
    text: `${version}${head}${text}\n`,
  }
}
