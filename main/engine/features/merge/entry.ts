import {
  type ContainerOptions,
  type ContributedLifecycle,
  type Customizations,
  type HostRequirements,
  LifecyclePhase,
  lifecyclePhases,
  type Mount,
  type NotApplied,
  type PortAttributes,
  ProblemError,
  UserEnvProbe,
} from '#contract'
import {
  closest,
  createSubstitution,
  type DefinitionContext,
  type DefinitionFile,
  jsonDocument,
  mergeContainerOptions,
  readCommand,
  readCustomizations,
  readForwardPorts,
  readHostRequirements,
  readMounts,
  readPortAttributes,
  readPortsAttributes,
  readRightField,
  refusedFields,
  rightFields,
  shorten,
  Value,
} from '../../definitions/index'
import type { MetadataEntry } from '../image-metadata'

/** What the variables in metadata stand for. */
export type MergeContext = Omit<DefinitionContext, 'defaultImage'>

/** An entry of metadata whose every field has been checked; what could not be read is in `notApplied` alone. */
export interface ReadEntry {
  readonly init?: boolean
  readonly container?: ContainerOptions
  readonly entrypoint?: string
  readonly mounts: readonly Mount[]
  readonly lifecycle: ContributedLifecycle['lifecycle']
  readonly waitFor?: LifecyclePhase
  readonly customizations?: Customizations
  readonly containerUser?: string
  readonly remoteUser?: string
  readonly userEnvProbe?: UserEnvProbe
  readonly updateRemoteUserUID?: boolean
  readonly remoteEnv: Readonly<Record<string, string | null>>
  readonly containerEnv: Readonly<Record<string, string>>
  readonly overrideCommand?: boolean
  readonly portsAttributes: Readonly<Record<string, PortAttributes>>
  readonly otherPortsAttributes?: PortAttributes
  readonly forwardPorts: readonly number[]
  readonly hostRequirements?: HostRequirements
  readonly notApplied: readonly NotApplied[]
}

const known = [
  'init',
  ...rightFields,
  'entrypoint',
  'mounts',
  ...lifecyclePhases.filter((phase) => phase !== 'initializeCommand'),
  'waitFor',
  'customizations',
  'containerUser',
  'remoteUser',
  'userEnvProbe',
  'updateRemoteUserUID',
  'remoteEnv',
  'containerEnv',
  'overrideCommand',
  'portsAttributes',
  'otherPortsAttributes',
  'forwardPorts',
  'hostRequirements',
]
/** They say nothing of the container. */
const silent = ['id', 'version', 'name', '$schema', '$comment']

/** Reads an entry of image metadata. Never throws because of what is in it. */
export function readEntry(
  { origin, fields: written }: MetadataEntry,
  context: MergeContext,
  workspaceFolder: string,
): ReadEntry {
  const substitution = createSubstitution({ ...context, defaultImage: '' }, workspaceFolder)
  const found: NotApplied[] = []
  const file: DefinitionFile = {
    document: jsonDocument(origin, new TextEncoder().encode(JSON.stringify(written))),
    substitution,
    notApplied: found,
  }
  const fields = new Value('', file.document.root, file).fields()
  const read = <T>(name: string, reader: (value: Value) => T): T | undefined => {
    const value = fields.get(name)
    if (!value || value.type === 'null') return undefined
    try {
      return reader(value)
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      found.push({ field: name, reason: reasonOf(error) })
      return undefined
    }
  }
  const user = (value: Value) => {
    const text = value.text()
    if (!/^[^\s:\0]{1,100}(?::[^\s:\0]{1,100})?$/.test(text))
      throw value.mustBe('the name or number of a user')
    return text
  }
  const init = read('init', (value) => value.boolean())
  const entrypoint = read('entrypoint', (value) => value.text())
  const waitFor = read('waitFor', (value) => value.choice(LifecyclePhase.options))
  const customizations = read('customizations', (value) => readCustomizations(value))
  const containerUser = read('containerUser', user)
  const remoteUser = read('remoteUser', user)
  const userEnvProbe = read('userEnvProbe', (value) => value.choice(UserEnvProbe.options))
  const updateRemoteUserUID = read('updateRemoteUserUID', (value) => value.boolean())
  const overrideCommand = read('overrideCommand', (value) => value.boolean())
  const otherPortsAttributes = read('otherPortsAttributes', readPortAttributes)
  const hostRequirements = read('hostRequirements', readHostRequirements)
  const container = mergeContainerOptions(
    rightFields.map((name) => read(name, (value) => readRightField(name, value, origin))),
  )
  const entry = {
    ...(container ? { container } : {}),
    ...(init === undefined ? {} : { init }),
    ...(entrypoint ? { entrypoint } : {}),
    mounts: read('mounts', (value) => readMounts(value, { ...context, defaultImage: '' }, '', [])) ?? [],
    lifecycle: readLifecycle(read),
    ...(waitFor ? { waitFor } : {}),
    ...(customizations ? { customizations } : {}),
    ...(containerUser ? { containerUser } : {}),
    ...(remoteUser ? { remoteUser } : {}),
    ...(userEnvProbe ? { userEnvProbe } : {}),
    ...(updateRemoteUserUID === undefined ? {} : { updateRemoteUserUID }),
    remoteEnv: read('remoteEnv', (value) => readEnvironment(value, null)) ?? {},
    containerEnv: read('containerEnv', (value) => readEnvironment(value, undefined)) ?? {},
    ...(overrideCommand === undefined ? {} : { overrideCommand }),
    portsAttributes: read('portsAttributes', readPortsAttributes) ?? {},
    ...(otherPortsAttributes ? { otherPortsAttributes } : {}),
    forwardPorts: read('forwardPorts', readForwardPorts) ?? [],
    ...(hostRequirements ? { hostRequirements } : {}),
  }
  noteOthers(fields, found)
  for (const name of substitution.unknown) {
    found.push({ field: shorten(name), reason: 'there is no variable of this name; it stays as written' })
  }
  return {
    ...entry,
    notApplied: found.map(({ field, reason }) => ({ field: `${shorten(field, 200)} (${origin})`, reason })),
  }
}

function readLifecycle(
  read: <T>(name: string, reader: (value: Value) => T) => T | undefined,
): ReadEntry['lifecycle'] {
  const lifecycle: ContributedLifecycle['lifecycle'] = {}
  for (const phase of lifecyclePhases) {
    const command = phase === 'initializeCommand' ? undefined : read(phase, readCommand)
    if (command !== undefined) lifecycle[phase] = command
  }
  return lifecycle
}

function readEnvironment<T extends null | undefined>(
  value: Value,
  unset: T,
): Record<string, string | Exclude<T, undefined>> {
  const entries: [string, string | Exclude<T, undefined>][] = []
  for (const [name, field] of value.fields()) {
    if (name === '' || /[=\0\n]/.test(name)) field.ignore('a variable cannot have this name')
    else if (field.type !== 'null') entries.push([name, field.scalar()])
    else if (unset === null) entries.push([name, null as Exclude<T, undefined>])
  }
  return Object.fromEntries(entries)
}

function noteOthers(fields: ReadonlyMap<string, Value>, notApplied: NotApplied[]): void {
  for (const [name, value] of fields) {
    if (known.includes(name) || silent.includes(name) || value.type === 'null') continue
    const reason = Object.hasOwn(refusedFields, name) ? refusedFields[name] : undefined
    const meant = reason ? undefined : closest(name, known)
    notApplied.push({
      field: name,
      reason: reason ?? `unknown field${meant ? `; did you mean "${meant}"?` : ''}`,
    })
  }
}

/** A place in a text that nobody sees is of no use to anybody. */
function reasonOf({ problem: { cause } }: ProblemError): string {
  const text = cause.replace(/^Line \d+, column \d+: /, '').replace(/\.$/, '')
  return shorten(text, 300)
}
