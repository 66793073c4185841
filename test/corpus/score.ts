import { basename } from 'node:path'
import { type Definition, type NotApplied, type Problem, ProblemError } from '#contract'
import { unreadReason } from '../../main/engine/definitions/document/value'
import { type RepositoryReader, readDefinition } from '../../main/engine/definitions/index'
import { readTemplate, renderedReader, templateValues } from '../../main/engine/definitions/template/template'
import { folderReader } from '../../main/engine/workspaces/source/folder-reader'
import { parentsOf, templateOf, withComposeFiles, withParent } from './elsewhere'
import type { Found } from './find'

/** What became of one definition. */
export interface Score {
  readonly file: string
  /** A conformance set wants it refused. */
  readonly bad: boolean
  /** It was read; of a bad one: it was refused, with the place of what is wrong. */
  readonly parsed: boolean
  /** Every field is applied, or named with a reason. */
  readonly planned: boolean
  readonly format?: Definition['format']
  readonly notApplied: readonly NotApplied[]
  readonly problem?: Problem
  readonly definition?: Definition
}

/** Kinds of targets differ in what they can do: a field that is named on one may be applied on the other. */
export const kinds = { docker: true, kubernetes: false } as const

/**
 * Reads one definition as it would be read for a kind of target. `registries`: of devfiles, which a corpus may have for
 * parents.
 */
export async function scoreOf(
  found: Found,
  kind: keyof typeof kinds,
  registries: readonly string[] = [],
): Promise<Score> {
  const base = { file: found.shown, bad: found.bad }
  try {
    const { definition } = await readDefinition(
      await readerOf(found),
      {
        workspaceId: 'corpus0000',
        sourceName:
          basename(found.root)
            .toLowerCase()
            .replaceAll(/[^a-z0-9-]+/g, '-') || 'app',
        localFolder: found.root,
        defaultImage: 'debian:bookworm',
        env: { HOME: '/home/dev', USER: 'dev', LANG: 'C.UTF-8' },
        bindMounts: kinds[kind],
        fetchText: parentsOf(found, registries),
        fetchTemplate: () => templateOf(found),
      },
      found.path,
    )
    const { notApplied } = definition
    const planned = notApplied.every(({ reason }) => reason.length > 0 && reason !== unreadReason)
    const { format } = definition
    return { ...base, parsed: !found.bad, planned: planned && !found.bad, format, notApplied, definition }
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    const { problem } = error
    const hasPlace = /\bline \d+, column \d+/i.test(problem.cause)
    return { ...base, parsed: found.bad && hasPlace, planned: found.bad && hasPlace, notApplied: [], problem }
  }
}

/** A template is read as it is with its defaults. */
export async function readerOf(found: Found): Promise<RepositoryReader> {
  const files = folderReader(found.root)
  const { text, path } = found
  if (text !== undefined) {
    // What a fragment names is somewhere else: another devfile, say.
    return {
      read: async (wanted) => new TextEncoder().encode(wanted === path ? text : 'schemaVersion: 2.2.0\n'),
      exists: async () => true,
      list: async () => [path],
    }
  }
  if (found.alone) {
    const all = { ...files, exists: async () => true }
    return /devcontainer\.json$/.test(path) ? withComposeFiles(all, found) : withParent(all, found)
  }
  const template = await readTemplate(files)
  if (!template) return files
  const rendered = renderedReader(files, templateValues(template, {}))
  return template.id.startsWith('docker-existing-') ? withExisting(rendered) : rendered
}

/** Of a template for repositories that have a Dockerfile or a Compose file already: with such files. */
function withExisting(reader: RepositoryReader): RepositoryReader {
  const isDockerfile = (path: string) => /(?:^|\/)Dockerfile$/.test(path)
  return {
    ...reader,
    exists: async (path) => isDockerfile(path) || (await reader.exists(path)),
    async read(path, limit) {
      const bytes = await reader.read(path, limit)
      if (bytes) return bytes
      if (isDockerfile(path)) return new TextEncoder().encode('FROM debian:bookworm\n')
      if (!/^docker-compose\.ya?ml$/.test(path)) return undefined
      const own = new TextDecoder().decode(await reader.read('.devcontainer/docker-compose.yml', limit))
      const service = /^services:\s*\n(?:\s*#.*\n)*\s+([\w-]+):/m.exec(own)?.[1] ?? 'app'
      return new TextEncoder().encode(`services: { ${service}: { image: 'debian:bookworm' } }\n`)
    },
  }
}
