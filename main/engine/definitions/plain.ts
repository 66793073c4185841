import type { Definition } from '#contract'
import type { DefinitionContext } from './reader'

/** What every definition has unless its file says otherwise. */
export function emptyDefinition(context: Pick<DefinitionContext, 'sourceName'>): Omit<Definition, 'format'> {
  return {
    version: 1,
    title: '',
    workspaceFolder: `/workspaces/${context.sourceName}`,
    containerEnv: {},
    remoteEnv: {},
    mounts: [],
    init: false,
    overrideCommand: true,
    forwardPorts: [],
    portsAttributes: {},
    lifecycle: {},
    waitFor: 'updateContentCommand',
    notApplied: [],
  }
}

/** A workspace of nothing but an image. */
export function imageDefinition(image: string, context: Pick<DefinitionContext, 'sourceName'>): Definition {
  return { ...emptyDefinition(context), format: 'image', image }
}

/** For a source without a definition. */
export function defaultDefinition(
  context: Pick<DefinitionContext, 'sourceName' | 'defaultImage'>,
): Definition {
  return { ...emptyDefinition(context), format: 'default', image: context.defaultImage }
}

/**
 * What a definition becomes when the user asks for another image: everything but what makes an image stays.
 * `notApplied` says so.
 */
export function withImage(definition: Definition, image: string): Definition {
  const { build, image: _replaced, imageIsDefault: _default, ...rest } = definition
  if (definition.format === 'default') return { ...rest, format: 'image', image }
  return {
    ...rest,
    image,
    notApplied: [...definition.notApplied, { field: build ? 'build' : 'image', reason: askedReason(image) }],
  }
}

const askedReason = (image: string) => `you asked for the image ${image} instead`

/** The image that the user asked for in place of the definition's, in a definition made by `withImage`. */
export function askedImage(definition: Definition): string | undefined {
  const { image, notApplied } = definition
  if (image === undefined) return undefined
  if (definition.format === 'image') return image
  return notApplied.some(({ reason }) => reason === askedReason(image)) ? image : undefined
}
