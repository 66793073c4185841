import { type Definition, emptyDefinition } from '#contract'
import type { DefinitionContext } from './reader'

/** For a source without a definition. */
export function defaultDefinition({
  sourceName,
  defaultImage,
}: Pick<DefinitionContext, 'sourceName' | 'defaultImage'>): Definition {
  return { ...emptyDefinition(sourceName), format: 'default', image: defaultImage }
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
