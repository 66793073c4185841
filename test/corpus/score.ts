import { basename } from 'node:path'
import { type Definition, type NotApplied, type Problem, ProblemError } from '#contract'
import { unreadReason } from '../../main/engine/definitions/document/value'
import { type RepositoryReader, readDefinition } from '../../main/engine/definitions/index'
import { readTemplate, renderedReader, templateValues } from '../../main/engine/definitions/template/template'
import { folderReader } from '../../main/engine/workspaces/source/folder-reader'
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

/** Reads one definition as it would be read for a kind of target. */
export async function scoreOf(found: Found, kind: keyof typeof kinds): Promise<Score> {
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
  const plain: RepositoryReader = found.alone ? { ...files, exists: async () => true } : files
  const { text } = found
  const reader: RepositoryReader =
    text === undefined
      ? plain
      : {
          read: async (path) => (path === found.path ? new TextEncoder().encode(text) : undefined),
          exists: async (path) => path === found.path || path === '.',
          list: async () => [found.path],
        }
  const template = await readTemplate(reader)
  return template ? renderedReader(reader, templateValues(template, {})) : reader
}
