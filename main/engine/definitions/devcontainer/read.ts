import {
  type Definition,
  emptyDefinition,
  type HostRequirements,
  LifecyclePhase,
  lifecyclePhases,
  type Mount,
  type PortAttributes,
  type SourceMount,
  UserEnvProbe,
} from '#contract'
import { type ComposeWorkspace, readCompose } from '../compose/index'
import { maximumBytes, Reading } from '../document/document'
import { readDefinitionFile } from '../document/file'
import { jsonDocument } from '../document/json'
import { type DefinitionFile, noteUnread, shorten, Value } from '../document/value'
import { isImageName } from '../image-name'
import { containerPath } from '../paths'
import type { DefinitionContext, RepositoryReader } from '../reader'
import { closest } from '../suggest'
import { createSubstitution } from '../variables'
import { readBerth } from './berth'
import { readBuild } from './build'
import { readContainer } from './container'
import { readEditorFields } from './customizations'
import { readFeatures } from './features'
import { appliedFields, isAbsent, refusedFields, silentFields } from './fields'
import { readHostRequirements } from './host-requirements'
import { readCommand } from './lifecycle'
import { readMounts, readWorkspaceMount } from './mounts'
import { readForwardPorts, readPortAttributes, readPortsAttributes } from './ports'
import { readAppPort } from './published'
import { readSecrets } from './secrets'
import { textIfSet } from './unset'

/** Reads one devcontainer.json. Rejects with `definition-invalid` or `definition-unsupported`. */
export async function readDevcontainer(
  path: string,
  reader: RepositoryReader,
  context: DefinitionContext,
): Promise<Definition> {
  const bytes = await readDefinitionFile(path, reader, maximumBytes)
  const file: DefinitionFile = {
    document: jsonDocument(path, bytes),
    substitution: createSubstitution(context),
    reading: new Reading(),
    notApplied: [],
  }
  const fields = new Value('', file.document.root, file).fields()

  const given = (name: (typeof appliedFields)[number]) => {
    const value = fields.get(name)
    return value === undefined || isAbsent(name, value) ? undefined : value
  }
  const base = emptyDefinition(context.sourceName)
  const folder = given('workspaceFolder')
  const composeFile = given('dockerComposeFile')
  const stated = folder && readWorkspaceFolder(folder, composeFile !== undefined)
  const workspaceFolder = stated ?? (composeFile ? '/' : base.workspaceFolder)
  file.substitution = createSubstitution(context, workspaceFolder)

  const compose =
    composeFile &&
    (await readCompose(
      {
        path,
        dockerComposeFile: composeFile,
        service: given('service'),
        runServices: given('runServices'),
        workspaceFolder: stated,
      },
      reader,
      context,
      file.notApplied,
    ))
  noteOtherSource(compose, given)
  const build = compose ? undefined : await readBuild(fields, path, reader)
  const image = given('image')
  if (build) image?.ignore('"build" is given too, and wins')
  const root = context.localFolder ?? workspaceFolder
  const mounts = given('mounts')
  const parts: SourceMount[] = []
  const ownMounts = mounts ? readMounts(mounts, context, root, parts) : []
  const workspaceMount = given('workspaceMount')
  if (compose)
    workspaceMount?.ignore('"dockerComposeFile" is given too, and its volumes say where the source is')
  const place = compose
    ? placeFromCompose(compose, workspaceFolder, base.workspaceFolder)
    : keepImageFolder(
        workspaceMount ? readWorkspaceMount(workspaceMount, context, root) : {},
        folder,
        workspaceFolder,
        base.workspaceFolder,
      )
  const run = readContainer(given, compose, context, root)
  const sourceMounts = [...(place.sourceMounts ?? []), ...parts, ...run.parts]
  const forwardPorts = given('forwardPorts')
  const appPort = given('appPort')
  const portsAttributes = given('portsAttributes')
  const otherPorts = given('otherPortsAttributes')
  const remoteUser = givenIfSet(given('remoteUser'))
  const containerUser = givenIfSet(given('containerUser'))
  const other: PortAttributes | undefined = otherPorts && readPortAttributes(otherPorts)
  const containerEnv = readEnvironment(given('containerEnv'))
  const customizations = given('customizations')
  const secrets = given('secrets')
  const berth = customizations?.type === 'object' ? customizations.fields().get('berth') : undefined
  const own = berth && readBerth(berth, { ...compose?.containerEnv, ...containerEnv }, compose?.services)
  const definition: Definition = {
    ...base,
    title: shorten(given('name')?.words() ?? '', 200),
    format: 'devcontainer',
    path,
    ...(compose
      ? fromCompose(compose)
      : build
        ? { build }
        : image
          ? { image: readImage(image) }
          : { image: context.defaultImage, imageIsDefault: true as const }),
    ...readFeatures(fields, path),
    workspaceFolder,
    ...place,
    ...(sourceMounts.length > 0 ? { sourceMounts } : {}),
    ...(containerUser ? { containerUser: readUser(containerUser, /^[^\s:\0]+(?::[^\s:\0]+)?$/) } : {}),
    ...run.fields,
    ...(remoteUser ? { remoteUser: readRemoteUser(remoteUser) } : {}),
    containerEnv: { ...compose?.containerEnv, ...own?.containerEnv, ...containerEnv, ...run.env },
    services: [...(compose?.services ?? []), ...(own?.services ?? [])],
    remoteEnv: readRemoteEnvironment(given('remoteEnv')),
    mounts: mergeMounts(compose?.mounts ?? [], mergeMounts(ownMounts, run.mounts)),
    init: (given('init')?.boolean() ?? compose?.init ?? false) || run.init,
    overrideCommand: given('overrideCommand')?.boolean() ?? compose?.keepsAlive ?? true,
    forwardPorts: [
      ...new Set([
        ...(forwardPorts ? readForwardPorts(forwardPorts, compose?.names) : []),
        ...(appPort ? readAppPort(appPort) : []),
        ...run.ports,
        ...(compose?.forwardPorts ?? []),
      ]),
    ],
    portsAttributes: portsAttributes ? readPortsAttributes(portsAttributes, compose?.names) : {},
    ...(other ? { otherPortsAttributes: other } : {}),
    lifecycle: readLifecycle(given, context),
    waitFor: given('waitFor')?.choice(LifecyclePhase.options) ?? 'updateContentCommand',
    ...readStated(given),
    secrets: secrets ? readSecrets(secrets) : [],
    ...readForUser(fields, given, run.gpu || (compose?.gpu ?? false)),
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

/** What Compose says and devcontainer.json cannot. */
function fromCompose(compose: ComposeWorkspace): Partial<Definition> {
  const { image, build, containerUser, entrypoint, command, aliases, dependsOn } = compose
  return {
    ...(image !== undefined ? { image } : {}),
    ...(build ? { build } : {}),
    ...(containerUser !== undefined ? { containerUser } : {}),
    ...(entrypoint ? { entrypoint } : {}),
    ...(command ? { command } : {}),
    ...(aliases ? { aliases } : {}),
    ...(dependsOn ? { dependsOn } : {}),
  }
}

/** Where the volumes of Compose put the source. */
function placeFromCompose(
  { sourceFolder, sourceMounts }: ComposeWorkspace,
  workspaceFolder: string,
  usualFolder: string,
): Pick<Definition, 'sourceFolder' | 'sourceMounts'> {
  // Without a mount of its root, the source keeps its usual place where the workspace folder says none.
  const parts = sourceMounts?.some(({ target }) => isInside(workspaceFolder, target)) ?? false
  const folder = sourceFolder ?? (workspaceFolder === '/' || parts ? usualFolder : undefined)
  return {
    ...(folder !== undefined ? { sourceFolder: folder } : {}),
    ...(sourceMounts ? { sourceMounts } : {}),
  }
}

/**
 * A folder in which nothing puts the source is as the image has it, and the source where it usually is: as the reference
 * implementation does it.
 */
function keepImageFolder(
  place: Pick<Definition, 'sourceFolder' | 'sourceMounts'>,
  folder: Value | undefined,
  workspaceFolder: string,
  usualFolder: string,
): Pick<Definition, 'sourceFolder' | 'sourceMounts'> {
  if (place.sourceFolder !== undefined || isInside(workspaceFolder, '/workspaces')) return place
  folder?.ignore(
    `terminals and commands start there, in what the image has; the source is in ${usualFolder}, unless workspaceMount says where else it is to be`,
  )
  return { ...place, sourceFolder: usualFolder }
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

/** Where both say what is mounted in a place, the later ones do. */
function mergeMounts(lower: readonly Mount[], upper: readonly Mount[]): Mount[] {
  return [...lower.filter(({ target }) => !upper.some((mount) => mount.target === target)), ...upper]
}

function noteOtherSource(
  compose: ComposeWorkspace | undefined,
  given: (name: (typeof appliedFields)[number]) => Value | undefined,
): void {
  const losing = compose
    ? (['image', 'build', 'dockerFile', 'context'] as const)
    : (['service', 'runServices'] as const)
  const reason = compose
    ? '"dockerComposeFile" is given too, and wins'
    : 'it belongs to Docker Compose, and no dockerComposeFile is named'
  for (const name of losing) given(name)?.ignore(reason)
}

function readImage(value: Value): string {
  const image = value.text().trim()
  if (!isImageName(image)) {
    throw value.mustBe('the name of an image', 'Write, for example, "image": "debian:bookworm".')
  }
  return image
}

/** `root`: whether it may be `/`, as it is for Compose where nothing is said. */
function readWorkspaceFolder(value: Value, root: boolean): string {
  const path = containerPath(value.text())
  if (path === undefined || (path === '/' && !root)) {
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

function givenIfSet(value: Value | undefined): Value | undefined {
  return value?.type === 'string' && textIfSet(value) === undefined ? undefined : value
}

/** Commands have all groups that the image gives their user; a group of their own cannot be had beside them. */
function readRemoteUser(value: Value): string {
  const [user = '', group] = readUser(value, /^[^\s:\0]+(?::[^\s:\0]+)?$/).split(':')
  if (group !== undefined) value.ignore('the user is applied; its groups are those that the image gives it')
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

/** What is about the machine, who works on it and with what. */
function readForUser(
  fields: ReadonlyMap<string, Value>,
  given: (name: 'hostRequirements' | 'userEnvProbe' | 'updateRemoteUserUID') => Value | undefined,
  gpu: boolean,
): Partial<Definition> {
  const host = given('hostRequirements')
  // Somewhere without graphics processors the workspace is of use all the same.
  const hostRequirements: HostRequirements = {
    ...(gpu ? { gpu: 'optional' } : {}),
    ...(host ? readHostRequirements(host) : {}),
  }
  const userEnvProbe = given('userEnvProbe')?.choice(UserEnvProbe.options)
  const updateRemoteUserUID = given('updateRemoteUserUID')?.boolean()
  const customizations = readEditorFields(fields)
  return {
    ...(Object.keys(hostRequirements).length > 0 ? { hostRequirements } : {}),
    ...(userEnvProbe ? { userEnvProbe } : {}),
    ...(updateRemoteUserUID === undefined ? {} : { updateRemoteUserUID }),
    ...(customizations ? { customizations } : {}),
  }
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
