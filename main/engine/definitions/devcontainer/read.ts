import {
  type Definition,
  emptyDefinition,
  LifecyclePhase,
  lifecyclePhases,
  type PortAttributes,
  problem,
} from '#contract'
import { maximumBytes, Reading } from '../document/document'
import { jsonDocument } from '../document/json'
import { type DefinitionFile, noteUnread, shorten, Value } from '../document/value'
import { isImageName } from '../image-name'
import { containerPath } from '../paths'
import type { DefinitionContext, RepositoryReader } from '../reader'
import { closest } from '../suggest'
import { createSubstitution } from '../variables'
import { readBuild } from './build'
import { readFeatures } from './features'
import { appliedFields, refusedFields, silentFields } from './fields'
import { readCommand } from './lifecycle'
import { readMounts } from './mounts'
import { readForwardPorts, readPortAttributes, readPortsAttributes } from './ports'

/** Reads one devcontainer.json. Rejects with `definition-invalid` or `definition-unsupported`. */
export async function readDevcontainer(
  path: string,
  reader: RepositoryReader,
  context: DefinitionContext,
): Promise<Definition> {
  const bytes = await reader.read(path, maximumBytes)
  if (!bytes) {
    const there = await reader.exists(path)
    throw problem({
      code: 'definition-invalid',
      title: there ? `${path} is not a file` : `There is no ${path}`,
      cause: there
        ? 'Something else has the name of a definition: a folder, say, or a pipe.'
        : 'The source has no file of this name.',
      remedy: there
        ? 'Put a file there, take it away, or choose an image when you create the workspace.'
        : 'Choose one of the definitions that the source has.',
    })
  }
  const file: DefinitionFile = {
    document: jsonDocument(path, bytes),
    substitution: createSubstitution(context),
    reading: new Reading(),
    notApplied: [],
  }
  const fields = new Value('', file.document.root, file).fields()
  refuseCompose(fields, path)

  const given = (name: (typeof appliedFields)[number]) => {
    const value = fields.get(name)
    return value?.type === 'null' ? undefined : value
  }
  const base = emptyDefinition(context.sourceName)
  const folder = given('workspaceFolder')
  const workspaceFolder = folder ? readWorkspaceFolder(folder) : base.workspaceFolder
  file.substitution = createSubstitution(context, workspaceFolder)

  const build = await readBuild(fields, path, reader)
  const image = given('image')
  if (build) image?.ignore('"build" is given too, and wins')
  const mounts = given('mounts')
  const portsAttributes = given('portsAttributes')
  const otherPorts = given('otherPortsAttributes')
  const remoteUser = given('remoteUser')
  const containerUser = given('containerUser')
  const other: PortAttributes | undefined = otherPorts && readPortAttributes(otherPorts)
  const definition: Definition = {
    ...base,
    title: shorten(given('name')?.text() ?? '', 200),
    format: 'devcontainer',
    path,
    ...(build
      ? { build }
      : image
        ? { image: readImage(image) }
        : { image: context.defaultImage, imageIsDefault: true as const }),
    ...readFeatures(fields, path),
    workspaceFolder,
    ...(containerUser ? { containerUser: readUser(containerUser, /^[^\s:\0]+(?::[^\s:\0]+)?$/) } : {}),
    ...(remoteUser ? { remoteUser: readUser(remoteUser, /^[^\s:\0]+$/) } : {}),
    containerEnv: readEnvironment(given('containerEnv')),
    remoteEnv: readRemoteEnvironment(given('remoteEnv')),
    mounts: mounts ? readMounts(mounts, context) : [],
    init: given('init')?.boolean() ?? false,
    overrideCommand: given('overrideCommand')?.boolean() ?? true,
    forwardPorts: given('forwardPorts') ? readForwardPorts(given('forwardPorts') as Value) : [],
    portsAttributes: portsAttributes ? readPortsAttributes(portsAttributes) : {},
    ...(other ? { otherPortsAttributes: other } : {}),
    lifecycle: readLifecycle(given, context),
    waitFor: given('waitFor')?.choice(LifecyclePhase.options) ?? 'updateContentCommand',
    ...readStated(given),
    notApplied: file.notApplied,
  }
  noteUnusedFields(fields)
  noteUnread(file)
  for (const name of file.substitution.unknown) {
    file.notApplied.push({
      field: shorten(name),
      reason: 'there is no variable of this name; it stays as written',
    })
  }
  return definition
}

function refuseCompose(fields: ReadonlyMap<string, Value>, path: string): void {
  if (!fields.has('dockerComposeFile')) return
  throw problem({
    code: 'definition-unsupported',
    title: `${path} asks for Docker Compose`,
    cause: 'It names a dockerComposeFile, and Berth makes workspaces of one container.',
    remedy: 'Name an image or a Dockerfile instead, or choose an image when you create the workspace.',
  })
}

function readImage(value: Value): string {
  const image = value.text().trim()
  if (!isImageName(image)) {
    throw value.mustBe('the name of an image', 'Write, for example, "image": "debian:bookworm".')
  }
  return image
}

function readWorkspaceFolder(value: Value): string {
  const path = containerPath(value.text())
  if (path === undefined || path === '/') {
    throw value.mustBe(
      'an absolute path below /',
      'Write, for example, "workspaceFolder": "/workspaces/app".',
    )
  }
  return path
}

function readUser(value: Value, form: RegExp): string {
  const user = value.text()
  if (!form.test(user)) throw value.mustBe('the name or number of a user', 'Write, for example, "vscode".')
  return user
}

function environmentName(name: string, value: Value): string {
  if (name === '' || /[=\0\n]/.test(name)) throw value.mustBe('under a name without "=" or line breaks')
  return name
}

function readEnvironment(value: Value | undefined): Record<string, string> {
  const entries: [string, string][] = []
  for (const [name, field] of value?.fields() ?? []) {
    if (field.type !== 'null') entries.push([environmentName(name, field), field.scalar()])
  }
  return Object.fromEntries(entries)
}

function readRemoteEnvironment(value: Value | undefined): Record<string, string | null> {
  const entries: [string, string | null][] = []
  for (const [name, field] of value?.fields() ?? []) {
    entries.push([environmentName(name, field), field.type === 'null' ? null : field.scalar()])
  }
  return Object.fromEntries(entries)
}

function readLifecycle(
  given: (name: LifecyclePhase) => Value | undefined,
  context: DefinitionContext,
): Definition['lifecycle'] {
  const lifecycle: Definition['lifecycle'] = {}
  for (const phase of lifecyclePhases) {
    const value = given(phase)
    const command = value && readCommand(value)
    if (!value || !command) continue
    if (phase === 'initializeCommand' && !context.localFolder) {
      value.ignore(
        'it would run on your own machine, which Berth does only for a folder that is already there',
      )
    } else lifecycle[phase] = command
  }
  return lifecycle
}

function readStated(
  given: (name: 'overrideCommand' | 'waitFor') => Value | undefined,
): Pick<Definition, 'stated'> {
  const stated = (['overrideCommand', 'waitFor'] as const).filter((name) => given(name) !== undefined)
  return stated.length > 0 ? { stated } : {}
}

function noteUnusedFields(fields: ReadonlyMap<string, Value>): void {
  const applied = new Set<string>(appliedFields)
  for (const [name, value] of fields) {
    if (silentFields.includes(name)) value.skip()
    if (applied.has(name) || silentFields.includes(name)) continue
    const reason = Object.hasOwn(refusedFields, name) ? refusedFields[name] : undefined
    if (reason) value.ignore(reason)
    else {
      const meant = closest(name, [...appliedFields, ...Object.keys(refusedFields)])
      value.ignore(`unknown field${meant ? `; did you mean "${meant}"?` : ''}`)
    }
  }
}
