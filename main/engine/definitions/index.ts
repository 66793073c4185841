import { type Definition, ProblemError, type Proposal, problem } from '#contract'
import { detect } from './detect/index'
import { devcontainerFormat } from './devcontainer/index'
import { writeDevcontainer } from './devcontainer/write'
import { devfileFormat } from './devfile/index'
import { dockerfileFormat } from './dockerfile/index'
import { gitpodFormat } from './gitpod/index'
import { givenPath, withGiven } from './given'
import { insideRepository } from './paths'
import { defaultDefinition } from './plain'
import type { DefinitionContext, DefinitionFormat, RepositoryReader } from './reader'

export { mergeContainerOptions } from './container/index'
export { type RightField, readRightField, rightFields } from './devcontainer/container'
export { readCustomizations } from './devcontainer/customizations'
export { readFeatureOptions } from './devcontainer/features'
export { refusedFields } from './devcontainer/fields'
export { readHostRequirements } from './devcontainer/host-requirements'
export { readCommand } from './devcontainer/lifecycle'
export { readMounts } from './devcontainer/mounts'
export { readForwardPorts, readPortAttributes, readPortsAttributes } from './devcontainer/ports'
export { type Document, maximumBytes } from './document/document'
export { jsonDocument } from './document/json'
export { type DefinitionFile, shorten, Value } from './document/value'
export {
  type FeatureReference,
  isLoopback,
  parseFeatureReference,
  type ReferenceMistake,
  withoutVersion,
} from './feature-reference'
export { givenPath } from './given'
export { isImageName } from './image-name'
export { insideRepository } from './paths'
export { askedImage, defaultDefinition, withImage } from './plain'
export type { DefinitionContext, RepositoryReader, TemplateAnswer, TemplateReference } from './reader'
export { closest } from './suggest'
export { createSubstitution, type Substitution } from './variables'

/** Every format that Berth reads, the preferred one first. */
const formats: readonly DefinitionFormat[] = [
  devcontainerFormat,
  gitpodFormat,
  devfileFormat,
  dockerfileFormat,
]

export interface FoundDefinition {
  readonly definition: Definition
  /** All definition files of the repository, in the order of preference. */
  readonly candidates: readonly string[]
  /** Where there is no definition, and it was asked for: what the files tell, to be offered. */
  readonly proposal?: Proposal
}

/** Of a text that is kept with its workspace, in characters: a cluster takes 256 KiB of notes, and has others. */
const longestKept = 48 * 1024

export interface ReadOptions {
  /** A devcontainer.json that somebody gave: read in place of what the repository has, and of `chosen`. */
  readonly text?: string
  /** Look for a proposal where there is no definition, which takes a few more files. */
  readonly propose?: boolean
}

/**
 * Reads what a repository says that its workspace should be: the file at `chosen`, else the preferred one, else the
 * default. A definition that was given as a text has no `path`. Rejects with `definition-invalid` (with file, line and column) or `definition-unsupported`.
 */
export async function readDefinition(
  reader: RepositoryReader,
  context: DefinitionContext,
  chosen?: string,
  { text, propose = false }: ReadOptions = {},
): Promise<FoundDefinition> {
  const found: { readonly path: string; readonly format: DefinitionFormat }[] = []
  for (const format of formats) {
    for (const path of await format.find(reader)) found.push({ path, format })
  }
  const candidates = found.map(({ path }) => path)
  if (text !== undefined) {
    const given = await devcontainerFormat.read(givenPath, withGiven(reader, text), context)
    const { path: _nowhere, ...rest } = given
    const kept = text.length <= longestKept ? { givenText: text } : {}
    return { definition: { ...rest, ...kept }, candidates }
  }
  if (chosen !== undefined) {
    const path = insideRepository('.', chosen)
    const format = path === undefined ? undefined : formats.find((each) => each.matches(path))
    if (path === undefined || format === undefined) {
      throw problem({
        code: 'definition-invalid',
        title: `${chosen} cannot be used as a definition`,
        cause:
          path === undefined
            ? 'It lies outside of the source.'
            : 'Its name is none by which Berth knows a definition: devcontainer.json, .gitpod.yml, devfile.yaml, Dockerfile.',
        remedy:
          candidates.length > 0
            ? `The source has: ${candidates.join(', ')}.`
            : 'Give the path of such a file in the source.',
      })
    }
    return { definition: await format.read(path, reader, context), candidates }
  }
  const preferred = found.find(({ format }) => format.automatic)
  const definition = preferred
    ? await preferred.format.read(preferred.path, reader, context)
    : defaultDefinition(context)
  if (preferred || !propose) return { definition, candidates }
  const proposal = await proposalFor(reader, context)
  return { definition, candidates, ...(proposal ? { proposal } : {}) }
}

/** What is offered need not be there: a server that does not answer any more fails where it is needed. */
async function proposalFor(
  reader: RepositoryReader,
  { sourceName }: DefinitionContext,
): Promise<Proposal | undefined> {
  try {
    const found = await detect(reader, sourceName)
    if (!found) return undefined
    return { text: writeDevcontainer(found.definition, found.reasons), reasons: [...found.reasons] }
  } catch (error) {
    if (error instanceof ProblemError) return undefined
    throw error
  }
}
