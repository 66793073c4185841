import type { FeatureRequest, NotApplied } from '#contract'
import {
  closest,
  type DefinitionFile,
  jsonDocument,
  readCommand,
  readFeatureOptions,
  shorten,
  Value,
} from '../definitions/index'
import { asWritten } from './as-written'

/** Name of the file that makes a folder a Feature. */
export const metadataFile = 'devcontainer-feature.json'

/** An option that a Feature takes (containers.dev, "The options property"). */
export interface FeatureOption {
  readonly type: 'string' | 'boolean'
  /** The only values there are; absent: any. */
  readonly choices?: readonly string[]
  readonly default?: string | boolean
}

/** What a devcontainer-feature.json says (containers.dev, "devcontainer-feature.json properties"). */
export interface FeatureMetadata {
  readonly id: string
  /** Empty where the file gives none. */
  readonly version: string
  readonly name: string
  readonly documentationUrl?: string
  readonly options: ReadonlyMap<string, FeatureOption>
  readonly containerEnv: Readonly<Record<string, string>>
  /** As the file writes them. */
  readonly dependsOn: readonly FeatureRequest[]
  readonly installsAfter: readonly string[]
  /** Its id now and those that it had, without a registry. */
  readonly ids: readonly string[]
  /** Fields that concern the container, as written: see `MetadataEntry`. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly notApplied: readonly NotApplied[]
}

/** Fields of a Feature that end up in the image's metadata (containers.dev, "Image metadata"). */
export const containerFields = [
  'init',
  'privileged',
  'capAdd',
  'securityOpt',
  'entrypoint',
  'mounts',
  'onCreateCommand',
  'updateContentCommand',
  'postCreateCommand',
  'postStartCommand',
  'postAttachCommand',
  'customizations',
] as const

const ownFields = [
  'id',
  'version',
  'name',
  'documentationURL',
  'options',
  'containerEnv',
  'dependsOn',
  'installsAfter',
  'legacyIds',
  'deprecated',
  ...containerFields,
]
/** They tell a person something, and Berth nothing. */
const silent = ['description', 'licenseURL', 'keywords', 'currentId', '$schema', '$comment']

/**
 * Reads a devcontainer-feature.json. `reference` is the Feature's, for messages. Rejects with `definition-invalid`,
 * with file, line and column.
 */
export function readMetadata(bytes: Uint8Array, reference: string): FeatureMetadata {
  const file: DefinitionFile = {
    document: jsonDocument(`${metadataFile} of ${reference}`, bytes),
    substitution: asWritten,
    notApplied: [],
  }
  const root = new Value('', file.document.root, file)
  const fields = root.fields()
  const given = (name: string) => {
    const value = fields.get(name)
    return value?.type === 'null' ? undefined : value
  }
  const idField = given('id')
  if (!idField) throw root.wrong('It has no "id".', 'Give the Feature an id, for example "id": "go".')
  const id = idField.text()
  if (!/^[\w.-]{1,100}$/.test(id)) {
    throw idField.mustBe('letters, digits, ".", "_" and "-" only', 'Write, for example, "id": "go".')
  }
  if (given('deprecated')?.boolean()) {
    given('deprecated')?.ignore('whoever publishes it does not care for it any more')
  }
  const documentation = given('documentationURL')?.text()
  const metadata = {
    id,
    version: shorten(given('version')?.text() ?? '', 100),
    name: shorten(given('name')?.text() || id, 200),
    ...(documentation && /^https?:\/\/\S{1,500}$/.test(documentation)
      ? { documentationUrl: documentation }
      : {}),
    options: new Map(
      [...(given('options')?.fields() ?? [])].map(([name, value]) => [name, readOption(value)]),
    ),
    containerEnv: Object.fromEntries(
      [...(given('containerEnv')?.fields() ?? [])].map(([name, value]) => [name, value.scalar()]),
    ),
    dependsOn: readDependencies(given('dependsOn')),
    installsAfter: readTexts(given('installsAfter')),
    ids: [...new Set([given('currentId')?.text() ?? id, id, ...readTexts(given('legacyIds'))])],
    fields: readContainerFields(given),
    notApplied: file.notApplied,
  }
  for (const [name, value] of fields) {
    if (ownFields.includes(name) || silent.includes(name)) continue
    const meant = closest(name, [...ownFields, ...silent])
    value.ignore(`unknown field${meant ? `; did you mean "${meant}"?` : ''}`)
  }
  return metadata
}

function readTexts(value: Value | undefined): string[] {
  return value?.items().map((item) => item.text()) ?? []
}

function readDependencies(value: Value | undefined): FeatureRequest[] {
  const requests: FeatureRequest[] = []
  for (const [reference, field] of value?.fields() ?? []) {
    const options = field.type === 'null' ? {} : readFeatureOptions(field)
    if (options) requests.push({ reference, options })
  }
  return requests
}

function readOption(value: Value): FeatureOption {
  const fields = value.fields('Write, for example, "version": {"type": "string", "default": "latest"}.')
  const type = fields.get('type')?.choice(['string', 'boolean']) ?? 'string'
  const choices = fields.get('enum')
  const fallback = fields.get('default')
  fields.get('proposals')?.items()
  for (const [name, field] of fields) {
    if (!optionFields.includes(name)) field.ignore('unknown field')
  }
  return {
    type,
    ...(choices && choices.type !== 'null' ? { choices: choices.items().map((item) => item.scalar()) } : {}),
    ...(fallback && fallback.type !== 'null'
      ? { default: fallback.type === 'boolean' ? fallback.boolean() : fallback.scalar() }
      : {}),
  }
}

const optionFields = ['type', 'enum', 'proposals', 'default', 'description', '$comment']

/** Checks the kinds of what is used later, so that a mistake is shown with its place. */
function readContainerFields(given: (name: string) => Value | undefined): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const name of containerFields) {
    const value = given(name)
    if (!value) continue
    switch (name) {
      case 'init':
      case 'privileged':
        value.boolean()
        break
      case 'capAdd':
      case 'securityOpt':
        readTexts(value)
        break
      case 'entrypoint':
        value.text()
        break
      case 'mounts':
        for (const item of value.items()) {
          if (item.type !== 'string')
            item.fields('Write an object or a text such as Docker takes for --mount.')
        }
        break
      case 'customizations':
        value.fields()
        break
      default:
        readCommand(value)
    }
    found[name] = value.plain()
  }
  return found
}
