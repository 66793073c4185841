import type { ContainerOptions } from '#contract'
import type { Value } from '../document/value'
import { containerPath } from '../paths'
import { type Endpoint, readEndpoints } from './endpoints'
import { componentKinds, devfileFields } from './fields'
import { type Overrides, readOverrides, readPodOverrides } from './overrides'
import { readEditorPlace } from './own-container'
import { readQuantity } from './quantity'
import {
  quoted,
  readFields,
  readKind,
  readList,
  readMap,
  readName,
  readReference,
  readTexts,
  requireField,
  uniqueNames,
} from './shape'

export interface Variable {
  readonly name: string
  readonly value: string
  readonly at: Value
}

export interface VolumeMount {
  readonly volume: string
  /** Absolute path inside the container. */
  readonly path: string
  readonly at: Value
  /** In bytes, as the volume says it. */
  readonly size?: number
  /** What is in it need not outlive a stop. */
  readonly ephemeral?: true
}

export interface ContainerComponent {
  readonly kind: 'container'
  readonly name: string
  readonly at: Value
  readonly image: string
  readonly imageAt: Value
  /** Whether it is said to be the one in which people work, or not to be it. */
  readonly hasEditor?: boolean
  readonly env: readonly Variable[]
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly mountSources: boolean
  /** Absolute path of the folder in which the source's folder is; absent where the file says none. */
  readonly sourceMapping?: string
  readonly volumeMounts: readonly VolumeMount[]
  readonly endpoints: readonly Endpoint[]
  /** Bytes, and processors. */
  readonly memoryRequest?: number
  readonly cpuRequest?: number
  readonly memoryLimit?: number
  readonly cpuLimit?: number
  /** Where it says the last two. */
  readonly limitsAt: readonly Value[]
  /** Where it asks for a pod of its own. */
  readonly dedicatedAt?: Value
  readonly overrides: Overrides
  /** What it says of the pod. */
  readonly pod?: ContainerOptions
}

export interface VolumeComponent {
  readonly kind: 'volume'
  readonly name: string
  readonly at: Value
  /** In bytes. */
  readonly size?: number
  readonly ephemeral?: true
}

export interface ImageComponent {
  readonly kind: 'image'
  readonly name: string
  readonly at: Value
  readonly imageName: string
  readonly source: 'uri' | 'git' | 'devfileRegistry'
  readonly sourceAt: Value
  readonly buildContext?: Value
  readonly args?: Value
  readonly rootRequired?: Value
}

export interface ClusterComponent {
  readonly kind: 'kubernetes' | 'openshift'
  readonly name: string
  readonly at: Value
  /** How its manifest is given. */
  readonly source: 'uri' | 'inlined'
  readonly sourceAt: Value
  readonly deployByDefault?: boolean
  readonly endpoints: readonly Endpoint[]
}

export interface OtherComponent {
  readonly kind: 'plugin' | 'custom'
  readonly name: string
  readonly at: Value
}

export type Component =
  | ContainerComponent
  | VolumeComponent
  | ImageComponent
  | ClusterComponent
  | OtherComponent

const kubernetesOnly = 'it is for the objects that a cluster would make of the devfile'

/** `components`, by their names. `endpointLength` is the longest name that an endpoint may have. */
export function readComponents(section: Value | undefined, endpointLength: number): Map<string, Component> {
  const components = section ? readList(section).map((item) => readComponent(item, endpointLength)) : []
  const found = uniqueNames('component', components, ({ name }) => name)
  checkEndpoints(found)
  return withVolumes(found)
}

function readComponent(item: Value, endpointLength: number): Component {
  const nameAt = requireField(item, item.fields(), 'name')
  const name = readName(nameAt)
  const at = item.named(`components.${name}`)
  const fields = readFields(at, ['name', 'attributes', ...componentKinds])
  const attributes = fields.get('attributes')
  const hasEditor = readEditorPlace(attributes)
  if (!fields.has('container')) listAttributes(attributes)
  const kind = readKind(at, fields, componentKinds, componentKinds.slice(0, 5))
  const section = requireField(at, fields, kind)
  switch (kind) {
    case 'container':
      return {
        ...readContainer(name, at, section, attributes, endpointLength),
        ...(hasEditor !== undefined && { hasEditor }),
      }
    case 'volume': {
      const volume = readFields(section, devfileFields.volume)
      const size = volume.get('size')
      const amount = size ? Math.ceil(readQuantity(size, '2Gi')) : 0
      return {
        kind,
        name,
        at,
        ...(amount > 0 && { size: Math.min(amount, Number.MAX_SAFE_INTEGER) }),
        ...(volume.get('ephemeral')?.boolean() && { ephemeral: true }),
      }
    }
    case 'image':
      return readImageComponent(name, at, section)
    case 'kubernetes':
    case 'openshift': {
      const cluster = readFields(section, devfileFields.cluster)
      const source = readKind(section, cluster, ['uri', 'inlined'])
      const sourceAt = requireField(section, cluster, source)
      sourceAt.text(quoted)
      const deployByDefault = cluster.get('deployByDefault')?.boolean()
      const endpoints = cluster.get('endpoints')
      return {
        kind,
        name,
        at,
        source,
        sourceAt,
        ...(deployByDefault !== undefined && { deployByDefault }),
        // They are checked, and listed together.
        endpoints: endpoints ? readEndpoints(endpoints, endpointLength, () => {}) : [],
      }
    }
    default:
      section.fields()
      return { kind, name, at }
  }
}

/** Attributes say nothing about a workspace, but for those with which Che changes its containers and pods. */
export function readAttributes(value: Value | undefined): Pick<ContainerComponent, 'pod'> {
  const fields = value?.fields()
  fields?.get('container-overrides')?.ignore('it is of a container, and stands there')
  const pod = readPodOverrides(fields?.get('pod-overrides'))
  skipOthers(fields)
  return { ...(pod && { pod }) }
}

/** Of what is no container. */
function listAttributes(value: Value | undefined): void {
  const fields = value?.fields()
  for (const name of ['pod-overrides', 'container-overrides']) fields?.get(name)?.ignore(kubernetesOnly)
  skipOthers(fields)
}

function readContainerAttributes(value: Value | undefined): Pick<ContainerComponent, 'overrides' | 'pod'> {
  const fields = value?.fields()
  const pod = readPodOverrides(fields?.get('pod-overrides'))
  skipOthers(fields)
  return { overrides: readOverrides(fields?.get('container-overrides')), ...(pod && { pod }) }
}

function skipOthers(fields: ReadonlyMap<string, Value> | undefined): void {
  for (const [name, field] of fields ?? []) {
    if (name === 'pod-overrides' || name === 'container-overrides') continue
    if (name === 'controller.devfile.io/scc')
      field.ignore('it asks for rights of OpenShift, which a workspace here does not get by it')
    else if (name === 'controller.devfile.io/storage-type' && field.node.value === 'ephemeral')
      field.ignore('what is in the workspace is kept until it is deleted')
    else field.skip()
  }
}

function readContainer(
  name: string,
  at: Value,
  section: Value,
  attributes: Value | undefined,
  endpointLength: number,
): ContainerComponent {
  const fields = readFields(section, devfileFields.container, { required: ['image'] })
  const imageAt = requireField(section, fields, 'image')
  const dedicated = fields.get('dedicatedPod')
  const dedicatedPod = dedicated?.boolean() ?? false
  const mapping = fields.get('sourceMapping')
  const annotation = fields.get('annotation')
  if (annotation) {
    for (const part of readFields(annotation, devfileFields.annotation).values()) readMap(part)
    annotation.ignore(kubernetesOnly)
  }
  const changed = readContainerAttributes(attributes)
  const { overrides } = changed
  const amount = (field: keyof Overrides['amounts'], example: string) => {
    const value = fields.get(field)
    const read = value ? readQuantity(value, example) : 0
    return overrides.amounts[field] ?? (read > 0 ? read : undefined)
  }
  const memoryRequest = amount('memoryRequest', '512Mi')
  const cpuRequest = amount('cpuRequest', '500m')
  const memoryLimit = amount('memoryLimit', '512Mi')
  const cpuLimit = amount('cpuLimit', '500m')
  const endpoints = fields.get('endpoints')
  return {
    kind: 'container',
    name,
    at,
    image: imageAt.text(quoted).trim(),
    imageAt,
    env: [
      ...readEnvironment(fields.get('env'), true),
      ...overrides.env.map((item) => readVariable(item, true)),
    ],
    command: readTexts(fields.get('command')),
    args: readTexts(fields.get('args')),
    mountSources: fields.get('mountSources')?.boolean() ?? !dedicatedPod,
    ...(mapping && { sourceMapping: readPath(mapping, mapping.text()) }),
    volumeMounts: readVolumeMounts(fields.get('volumeMounts')),
    endpoints: endpoints
      ? readEndpoints(endpoints, endpointLength, (value, reason) => value.ignore(reason))
      : [],
    ...(memoryRequest !== undefined && { memoryRequest }),
    ...(cpuRequest !== undefined && { cpuRequest }),
    ...(memoryLimit !== undefined && { memoryLimit }),
    ...(cpuLimit !== undefined && { cpuLimit }),
    limitsAt: [
      ...['memoryLimit', 'cpuLimit'].flatMap((name) => fields.get(name) ?? []),
      ...overrides.limitsAt,
    ],
    ...changed,
    ...(dedicated && dedicatedPod && { dedicatedAt: dedicated }),
  }
}

/** A path inside a container; one without a slash at its start lies below the root, as it does for an engine. */
function readPath(value: Value, text: string): string {
  const path = containerPath(text.startsWith('/') ? text : `/${text}`)
  if (path === undefined || path === '/' || path.length > 1000 || path.includes(':')) {
    throw value.mustBe('a path below / without ":"', 'Write, for example, "/projects".')
  }
  return path
}

/** Names that only whoever runs the devfile may set (devfile library, "reserved environment variables"). */
const reserved = ['PROJECT_SOURCE', 'PROJECTS_ROOT']

export function readEnvironment(value: Value | undefined, ofContainer: boolean): Variable[] {
  return (value ? readList(value) : []).map((item) => readVariable(item, ofContainer))
}

function readVariable(item: Value, ofContainer: boolean): Variable {
  const fields = readFields(item, devfileFields.environment, { required: ['name', 'value'] })
  const nameAt = requireField(item, fields, 'name')
  const name = nameAt.text(quoted)
  if (name === '' || name === '__proto__' || /[=\0\n]/.test(name)) {
    throw nameAt.mustBe('the name of a variable', 'Write a name without "=" and line breaks.')
  }
  if (ofContainer && reserved.includes(name)) {
    throw nameAt.wrong(`"${name}" is set by Berth itself, to where the source is.`, 'Take another name.')
  }
  return { name, value: requireField(item, fields, 'value').text(quoted), at: item }
}

function readVolumeMounts(value: Value | undefined): VolumeMount[] {
  const mounts = (value ? readList(value) : []).map((item) => {
    const fields = readFields(item, devfileFields.volumeMount, { required: ['name'] })
    const nameAt = requireField(item, fields, 'name')
    const volume = readName(nameAt)
    const path = fields.get('path')
    return { volume, path: path ? readPath(path, path.text()) : `/${volume}`, at: path ?? nameAt }
  })
  const paths = new Set<string>()
  for (const { path, at } of mounts) {
    if (paths.has(path)) throw at.wrong(`Two volumes are at ${path}.`, 'Give one of them another "path".')
    paths.add(path)
  }
  return mounts
}

/** The same with what each mounted volume says of itself. Throws `definition-invalid` where there is none. */
function withVolumes(components: ReadonlyMap<string, Component>): Map<string, Component> {
  const mountOf = (container: string, mount: VolumeMount): VolumeMount => {
    const { volume, at } = mount
    const found = components.get(volume)
    if (found?.kind !== 'volume') {
      throw at.wrong(
        `There is no volume "${volume}", which the container "${container}" mounts.`,
        `Add a component with the name "${volume}" and "volume: {}".`,
      )
    }
    const { size, ephemeral } = found
    return { ...mount, ...(size !== undefined && { size }), ...(ephemeral && { ephemeral }) }
  }
  return new Map(
    [...components].map(([name, component]) => [
      name,
      component.kind === 'container'
        ? { ...component, volumeMounts: component.volumeMounts.map((mount) => mountOf(name, mount)) }
        : component,
    ]),
  )
}

function checkEndpoints(components: ReadonlyMap<string, Component>): void {
  const endpoints = [...components.values()].flatMap((each) => ('endpoints' in each ? each.endpoints : []))
  uniqueNames('endpoint', endpoints, ({ name }) => name)
}

function readImageComponent(name: string, at: Value, section: Value): ImageComponent {
  const fields = readFields(section, devfileFields.image, { required: ['imageName', 'dockerfile'] })
  fields.get('autoBuild')?.boolean()
  const dockerfile = requireField(section, fields, 'dockerfile')
  const parts = readFields(dockerfile, devfileFields.dockerfile)
  const source = readKind(dockerfile, parts, ['uri', 'git', 'devfileRegistry'])
  const sourceAt = requireField(dockerfile, parts, source)
  if (source === 'uri') sourceAt.text(quoted)
  else if (source === 'git') readGitSource(sourceAt)
  else {
    const registry = readFields(sourceAt, devfileFields.devfileRegistry, { required: ['id'] })
    for (const field of registry.values()) field.text(quoted)
  }
  const [buildContext, args] = [parts.get('buildContext'), parts.get('args')]
  buildContext?.text(quoted)
  readTexts(args)
  const root = parts.get('rootRequired')
  return {
    kind: 'image',
    name,
    at,
    imageName: requireField(section, fields, 'imageName').text(quoted),
    source,
    sourceAt,
    ...(buildContext && { buildContext }),
    ...(args && { args }),
    ...(root?.boolean() && { rootRequired: root }),
  }
}

function readGitSource(value: Value): void {
  const fields = readFields(value, devfileFields.dockerfileGit, { required: ['remotes'] })
  const remotes = requireField(value, fields, 'remotes')
  if (readMap(remotes).size === 0) throw remotes.mustBe('an object with a remote')
  fields.get('fileLocation')?.text(quoted)
  const from = fields.get('checkoutFrom')
  if (!from) return
  for (const field of readFields(from, devfileFields.checkoutFrom).values()) readReference(field)
}
