import { type Definition, problem } from '#contract'
import { devcontainerFormat } from './devcontainer/index'
import { devfileFormat } from './devfile/index'
import { dockerfileFormat } from './dockerfile/index'
import { gitpodFormat } from './gitpod/index'
import { insideRepository } from './paths'
import { defaultDefinition } from './plain'
import type { DefinitionContext, DefinitionFormat, RepositoryReader } from './reader'

export { readFeatureOptions } from './devcontainer/features'
export { refusedFields } from './devcontainer/fields'
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
export { isImageName } from './image-name'
export { insideRepository } from './paths'
export { askedImage, defaultDefinition, withImage } from './plain'
export type { DefinitionContext, RepositoryReader } from './reader'
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
}

/**
 * Reads what a repository says that its workspace should be: the file at `chosen`, else the preferred one, else the
 * default. Rejects with `definition-invalid` (with file, line and column) or `definition-unsupported`.
 */
export async function readDefinition(
  reader: RepositoryReader,
  context: DefinitionContext,
  chosen?: string,
): Promise<FoundDefinition> {
  const found: { readonly path: string; readonly format: DefinitionFormat }[] = []
  for (const format of formats) {
    for (const path of await format.find(reader)) found.push({ path, format })
  }
  const candidates = found.map(({ path }) => path)
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
  return { definition, candidates }
}
