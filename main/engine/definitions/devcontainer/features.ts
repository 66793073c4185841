import { posix } from 'node:path'
import type { Definition, FeatureRequest } from '#contract'
import { shorten, type Value } from '../document/value'
import { parseFeatureReference, withoutVersion } from '../feature-reference'
import { currentFeature } from '../legacy-features'
import { insideRepository } from '../paths'
import { isAbsent } from './fields'

const maximumFeatures = 100
const example = 'Write, for example, "features": {"ghcr.io/devcontainers/features/node:1": {}}.'

/**
 * `features` and `overrideFeatureInstallOrder` (containers.dev, "Dev container Features"). `path` is that of the
 * devcontainer.json: folders are relative to its own one, and are relative to the repository's root in the result.
 */
export function readFeatures(
  fields: ReadonlyMap<string, Value>,
  path: string,
): Pick<Definition, 'features' | 'featureOrder'> {
  const present = (name: string) => {
    const value = fields.get(name)
    return value === undefined || isAbsent(name, value) ? undefined : value
  }
  const section = present('features')
  const order = present('overrideFeatureInstallOrder')
  const folder = posix.dirname(path)
  const features: FeatureRequest[] = []
  const absorbed: [reference: string, option: string][] = []
  for (const [name, value] of section?.fields(example) ?? []) {
    if (features.length === maximumFeatures) {
      throw value.mustBe(`left out: a workspace has at most ${maximumFeatures} Features`)
    }
    const options = readFeatureOptions(value)
    if (!options) continue
    const { reference, option } = currentFeature(name) ?? { reference: name }
    if (option !== undefined) absorbed.push([reference, option])
    else features.push({ reference: readReference(reference, value, folder).reference, options })
  }
  for (const [reference, option] of absorbed) addOption(features, reference, option)
  if (!order) return { features }
  const featureOrder: string[] = []
  for (const item of order.items('Write, for example, ["ghcr.io/devcontainers/features/common-utils"].')) {
    const { resource } = readReference(currentFeature(item.text())?.reference ?? item.text(), item, folder)
    // Also one that is not in `features`: another may depend on it, which is known when they are fetched.
    if (features.length > 0) featureOrder.push(resource)
    else item.ignore('"features" has none, so there is nothing to order')
  }
  return featureOrder.length > 0 ? { features, featureOrder } : { features }
}

/** For what became an option of another Feature, which may be there in any version. */
function addOption(features: FeatureRequest[], reference: string, option: string): void {
  const wanted = anyVersion(reference)
  const at = features.findIndex((one) => anyVersion(one.reference) === wanted)
  const there = features[at]
  if (there) features[at] = { ...there, options: { ...there.options, [option]: true } }
  else features.push({ reference, options: { [option]: true } })
}

function anyVersion(reference: string): string {
  const parsed = parseFeatureReference(reference)
  return 'wanted' in parsed ? reference : withoutVersion(parsed)
}

function readReference(
  text: string,
  value: Value,
  folder: string,
): { readonly reference: string; readonly resource: string } {
  const parsed = parseFeatureReference(text)
  if ('wanted' in parsed) {
    throw value.wrong(`"${shorten(text)}" must be ${parsed.wanted}.`, parsed.remedy)
  }
  if (parsed.kind !== 'folder') return { reference: text, resource: withoutVersion(parsed) }
  const inside = insideRepository(folder, text)
  if (inside === undefined || inside === '.') {
    throw value.wrong(
      `"${shorten(text)}" must be a folder inside the repository.`,
      'Paths are relative to the folder of this file.',
    )
  }
  return { reference: `./${inside}`, resource: `./${inside}` }
}

/** A list, which Features take as one text with commas: so other tools write it into the Feature's environment. */
function readList(value: Value): string {
  if (value.type !== 'array') throw value.mustBe('a string, true or false')
  return value
    .items()
    .map((item) => item.scalar())
    .join(',')
}

/**
 * What a Feature is given: an object of texts, booleans and lists of texts, or a text alone, which means its `version`. Undefined
 * where the Feature is switched off by `false`, which is noted.
 */
export function readFeatureOptions(value: Value): FeatureRequest['options'] | undefined {
  if (value.type === 'null') return {}
  if (value.type === 'string') return { version: value.guardedText() }
  if (value.type === 'boolean') {
    if (value.boolean()) return {}
    value.ignore('it is switched off with false')
    return undefined
  }
  const options: [string, string | boolean][] = []
  for (const [name, field] of value.fields('Write an object of options, or {} for none.')) {
    if (field.type === 'null') continue
    if (field.type === 'boolean') options.push([name, field.boolean()])
    else if (field.type === 'string' || field.type === 'number') options.push([name, field.scalar()])
    else options.push([name, readList(field)])
  }
  return Object.fromEntries(options)
}
