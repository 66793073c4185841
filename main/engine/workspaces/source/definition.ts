import { join, posix } from 'node:path'
import { type Definition, imageDefinition, ProblemError, type Source } from '#contract'
import {
  type DefinitionContext,
  type FoundDefinition,
  type RepositoryReader,
  readDefinition,
  type TemplateReference,
  withImage,
} from '../../definitions/index'
import type { StepReport } from '../../drivers/driver'
import { fetchText } from '../../platform/fetch-text'
import type { Platform } from '../../platform/platform'
import { openRepository } from '../git'
import { withTemporaryFolder } from '../temporary'
import { folderReader } from './folder-reader'
import { unlinkedReason, withLinkedRepository } from './linked-repository'
import { sourceFolder, sourceFolderName } from './name'
import type { TemplateLookup } from './templates'

export interface DefinitionRequest {
  readonly workspaceId: string
  readonly source: Source
  /** Asked for by the user in place of what the definition says. */
  readonly image?: string
  readonly definitionPath?: string
  /** A devcontainer.json in place of what the source has. */
  readonly definitionText?: string
  /** What a workspace was made by that was given as a text: holds where the source has no definition. */
  readonly given?: Definition
  /** See `readDefinition`. */
  readonly propose?: boolean
  /** Is shown the definition and what it lies in. */
  readonly look?: (definition: Definition, reader: RepositoryReader) => Promise<void>
  readonly bindMounts: boolean
  /** Templates of the target's cluster, see `templatesOf`. */
  readonly templates?: TemplateLookup
}

/** Somebody waits for a definition, is told what for, and can give it up. */
interface Wait {
  readonly report: StepReport
  readonly signal: AbortSignal
}

/** With `wait` a definition may also go on elsewhere, which is fetched then. */
export function definitionContext(
  request: DefinitionRequest,
  platform: Platform,
  wait?: Wait,
): DefinitionContext {
  return {
    workspaceId: request.workspaceId,
    sourceName: sourceFolderName(request.source),
    ...(request.source.kind === 'folder' ? { localFolder: request.source.path } : {}),
    ...(request.source.kind === 'git' ? { sourceUrl: request.source.url } : {}),
    defaultImage: platform.settings.get().defaultImage,
    env: platform.env,
    bindMounts: request.bindMounts,
    ...(wait && {
      fetchText: (address: string, limit: number) => {
        wait.report.detail(`fetching ${address}`)
        return fetchText(address, limit, { signal: wait.signal })
      },
    }),
    ...fetchTemplate(request, wait),
  }
}

function fetchTemplate({ templates }: DefinitionRequest, wait: Wait | undefined) {
  if (!templates || !wait) return {}
  return {
    fetchTemplate: (reference: TemplateReference) => {
      wait.report.detail(`reading the template ${reference.name} of the cluster`)
      return templates(reference, wait.signal)
    },
  }
}

/**
 * Reads a definition out of an open repository. With an image that the user named, one that cannot be used is no
 * obstacle: it is listed as not applied.
 */
export async function readFrom(
  reader: RepositoryReader,
  request: DefinitionRequest,
  platform: Platform,
  report: StepReport,
  signal: AbortSignal,
): Promise<FoundDefinition> {
  const { image } = request
  const context = definitionContext(request, platform, { report, signal })
  try {
    const { definitionPath, definitionText: text, propose, given } = request
    const options = { ...(text === undefined ? {} : { text }), ...(propose ? { propose } : {}) }
    const found = await readDefinition(reader, context, definitionPath, options)
    const { definition } = found
    if (given && definition.format === 'default') {
      if (given.givenText !== undefined)
        return readFrom(
          reader,
          { ...without(request), definitionText: given.givenText },
          platform,
          report,
          signal,
        )
      // As it was then, with the image that was asked for, and without what its image and Features had added.
      const { contributedLifecycle: _commands, featureEntrypoints: _entrypoints, ...rest } = given
      return { ...found, definition: rest }
    }
    const wanted = image === undefined ? definition : withImage(definition, image)
    await request.look?.(wanted, reader)
    return { ...found, definition: await withGit(wanted, request) }
  } catch (error) {
    const refused = error instanceof ProblemError && error.problem.code.startsWith('definition-')
    if (image === undefined || !refused) throw error
    const { title, cause } = error.problem
    const definition = imageDefinition(image, context.sourceName)
    return {
      definition: await withGit({ ...definition, notApplied: [{ field: title, reason: cause }] }, request),
      candidates: [],
    }
  }
}

function without({ given: _given, ...request }: DefinitionRequest): DefinitionRequest {
  return request
}

/** A folder of this machine may have its git repository somewhere else. */
async function withGit(
  definition: Definition,
  { source, bindMounts }: DefinitionRequest,
): Promise<Definition> {
  if (source.kind !== 'folder') return definition
  const inside = sourceFolder(definition, sourceFolderName(source))
  if (bindMounts) return withLinkedRepository(definition, source.path, inside)
  const reason = await unlinkedReason(source.path)
  if (reason === undefined) return definition
  return { ...definition, notApplied: [...definition.notApplied, { field: '.git', reason }] }
}

/** What the source says that its workspace should be. Of a git repository only the files that say so are fetched. */
export async function readSource(
  request: DefinitionRequest,
  platform: Platform,
  report: StepReport,
  signal: AbortSignal,
): Promise<FoundDefinition> {
  const { source } = request
  switch (source.kind) {
    case 'image': {
      const image = request.image ?? source.image
      return {
        definition: imageDefinition(image, definitionContext(request, platform).sourceName),
        candidates: [],
      }
    }
    case 'folder':
      return readFrom(folderReader(source.path), request, platform, report, signal)
    case 'git':
      return withTemporaryFolder(platform, async (folder) =>
        readFrom(
          await openRepository(platform, source, join(folder, 'repository'), report, signal),
          request,
          platform,
          report,
          signal,
        ),
      )
  }
}

/** Whether a definition was given as a text: no file of the source says what is in it. */
export function isGiven({ format, path }: Definition): boolean {
  return format === 'devcontainer' && path === undefined
}

/** One line for people: what was found. */
export function describeDefinition(definition: Definition): string {
  const made = definition.build ? `built from ${definition.build.dockerfile}` : (definition.image ?? '')
  if (isGiven(definition)) return `The definition that was given: ${made}`
  if (definition.path) return `${definition.path}: ${made}`
  return definition.format === 'default' ? `No definition: ${made}` : made
}

/** Whether one container path is, or lies in, another. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || posix.normalize(path).startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
