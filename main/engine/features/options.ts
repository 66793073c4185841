import { type FeatureRequest, type NotApplied, type ProblemError, problem } from '#contract'
import { closest, shorten } from '../definitions/index'
import type { FeatureMetadata } from './metadata'

export type FeatureOptions = FeatureRequest['options']

/** The variable that tells install.sh of an option (containers.dev, "Option resolution"). */
export function variableOf(option: string): string {
  return option
    .replace(/[^\w_]/g, '_')
    .replace(/^[\d_]+/g, '_')
    .toUpperCase()
}

/**
 * What a Feature is given for each of its options: the file's value, else the default. What it does not know is
 * passed on all the same, as the reference implementation does, and named. Throws `definition-invalid` where a value
 * is none that the option takes; `reference` is the Feature's, for messages.
 */
export function resolveOptions(
  metadata: FeatureMetadata,
  given: FeatureOptions,
  reference: string,
): { readonly options: Readonly<Record<string, string>>; readonly notApplied: readonly NotApplied[] } {
  const options = new Map<string, string>()
  const notApplied: NotApplied[] = []
  for (const [name, option] of metadata.options) {
    if (option.default !== undefined) options.set(name, String(option.default))
  }
  for (const [name, value] of Object.entries(given)) {
    const option = metadata.options.get(name)
    const text = String(value)
    if (!option) {
      const meant = closest(name, [...metadata.options.keys()])
      notApplied.push({
        field: `features.${reference}.${shorten(name)}`,
        reason: `the Feature has no such option${meant ? `; did you mean "${meant}"?` : ''} It is passed on to its script all the same`,
      })
    } else if (!isVariable(text)) {
      if (option.type === 'boolean' && text !== 'true' && text !== 'false') {
        throw badOption(reference, name, text, ['true', 'false'])
      }
      if (option.choices && !option.choices.includes(text)) {
        throw badOption(reference, name, text, option.choices)
      }
    }
    options.set(name, text)
  }
  return { options: Object.fromEntries(options), notApplied }
}

/** Whether a value names this machine's environment, and so is known when the image is built and not before. */
export function isVariable(value: string): boolean {
  return /\$\{(?:localEnv|env):/.test(value)
}

function badOption(reference: string, name: string, value: string, choices: readonly string[]): ProblemError {
  const meant = closest(value, choices)
  return problem({
    code: 'definition-invalid',
    title: `The Feature ${reference} does not take this value`,
    cause: `Its option "${shorten(name)}" must be one of ${shorten(choices.join(', '), 300)}, not ${JSON.stringify(shorten(value))}.`,
    remedy: meant ? `Did you mean "${meant}"?` : 'Choose one of them in the definition.',
  })
}

/** In what order two sets of options come, 0 where they are the same: as the reference implementation has it. */
export function compareOptions(left: FeatureOptions, right: FeatureOptions): number {
  const leftNames = Object.keys(left).sort()
  const rightNames = Object.keys(right).sort()
  if (leftNames.length !== rightNames.length) return leftNames.length - rightNames.length
  for (const [index, name] of leftNames.entries()) {
    const other = rightNames[index] ?? ''
    if (name !== other) return collate(name, other)
    const order = compareValues(left[name], right[name])
    if (order !== 0) return order
  }
  return 0
}

function compareValues(left: string | boolean | undefined, right: string | boolean | undefined): number {
  if (typeof left === 'string' && typeof right === 'string') return collate(left, right)
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right)
  return collate(typeof left, typeof right)
}

/** The reference implementation sorts by the rules of the user's language; this is English everywhere. */
export const collate = new Intl.Collator('en').compare
