import { posix } from 'node:path'
import { type ProblemError, problem } from '#contract'
import type { RepositoryReader } from '../definitions/index'
import { templateFile } from '../definitions/template/template'

/** A file of a template, or of what becomes of it. */
export interface TemplateEntry {
  /** Relative to the template's folder, with `/`. */
  readonly path: string
  readonly bytes: Uint8Array
  readonly executable: boolean
}

export interface TemplateFiles {
  readonly entries: readonly TemplateEntry[]
  /** What is there and is not taken, and why. */
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[]
}

/** Templates in one place: a folder of this machine, or a commit. */
export interface TemplateTree {
  /** Names of their folders, sorted, and where each lies; `.` is the root. */
  readonly folders: ReadonlyMap<string, string>
  /** The template's own description, its `devcontainer-template.json`. */
  describe(id: string): Promise<Uint8Array>
  /** Rejects with `definition-invalid` where a template is too large. */
  files(id: string): Promise<TemplateFiles>
}

/** Of one template. */
export const maximumFiles = 2000
export const maximumTotal = 32 * 1024 * 1024
/** Of one place. More are left out, which is said. */
export const maximumTemplates = 500

/** Why a file's name cannot be written anywhere; undefined: it can. */
export function nameFault(path: string): string | undefined {
  const parts = path.split('/')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (path.length > 1000 || /[\u0000-\u001f\u007f\\:]/.test(path) || posix.isAbsolute(path))
    return 'Its name cannot be written on every system'
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    return 'It leads out of the template'
  // Also as other file systems know it (CVE-2014-9390).
  if (parts.some((part) => /^(?:\.git|git~\d)[. ]*$/i.test(part.replace(/\p{Cf}/gu, ''))))
    return 'It would be a part of git itself'
  return undefined
}

export function tooLarge(id: string): ProblemError {
  return problem({
    code: 'definition-invalid',
    title: `The template ${id} is too large`,
    cause: `It has more than ${maximumFiles} files, or more than ${maximumTotal / 1024 / 1024} MiB.`,
    remedy: 'A template is a small folder; check that it is the right one.',
  })
}

/** Which folder each template has, of the paths of all files: `src/<id>`, else `<id>`, else the root. */
export function foldersOf(paths: readonly string[], rootName: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const form of [/^src\/([^/]+)\/([^/]+)$/, /^([^/]+)\/([^/]+)$/]) {
    for (const path of paths) {
      const [, id = '', name] = form.exec(path) ?? []
      if (name === templateFile && !found.has(id)) found.set(id, posix.dirname(path))
    }
  }
  if (paths.includes(templateFile) && !found.has(rootName)) found.set(rootName, '.')
  return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)).slice(0, maximumTemplates))
}

/** Files in memory as a repository. */
export function entriesReader(entries: readonly TemplateEntry[]): RepositoryReader {
  const files = new Map(entries.map((entry) => [entry.path, entry.bytes]))
  const beneath = (folder: string) => (folder === '.' ? '' : `${folder}/`)
  return {
    async read(path, limit) {
      const bytes = files.get(path)
      if (bytes && bytes.length > limit) throw tooLong(path, limit)
      return bytes
    },
    exists: async (path) =>
      path === '.' || files.has(path) || [...files.keys()].some((name) => name.startsWith(`${path}/`)),
    list: async (folder) => {
      const start = beneath(folder)
      const names = [...files.keys()]
        .filter((name) => name.startsWith(start))
        .map((name) => name.slice(start.length).split('/')[0] ?? '')
      return [...new Set(names)].sort()
    },
  }
}

function tooLong(path: string, limit: number): ProblemError {
  return problem({
    code: 'definition-invalid',
    title: `${path} is too large`,
    cause: `It has more than ${Math.round(limit / 1024)} KiB.`,
    remedy: 'A definition is a small file; check that it is the right one.',
  })
}
