import {
  type ContainerOptions,
  type Definition,
  type HostRequirements,
  maximumRights,
  type Right,
} from '#contract'
import { ContainerDraft, mergeContainerOptions } from '../container/index'
import type { Value } from '../document/value'
import { parseQuantity } from './quantity'
import { readList } from './shape'

/** Amounts of a container, by the names that a devfile has for them: bytes, and processors. */
export type Amounts = Partial<Record<'memoryRequest' | 'cpuRequest' | 'memoryLimit' | 'cpuLimit', number>>

/** What the attribute `container-overrides` says of a container (core/v1, Container), as far as it is taken. */
export interface Overrides {
  readonly amounts: Amounts
  /** Where it says limits. */
  readonly limitsAt: readonly Value[]
  readonly gpu?: { readonly resource: string; readonly count: number; readonly at: Value }
  /** Items with a name and a value. */
  readonly env: readonly Value[]
  /** `uid[:gid]` */
  readonly user?: string
  readonly readOnlyAt?: Value
  readonly options?: ContainerOptions
}

const noOverrides: Overrides = { amounts: {}, limitsAt: [], env: [] }

/** As device plug-ins call graphics processors: `nvidia.com/gpu`, `gpu.intel.com/i915`, `nvidia.com/mig-1g.5gb`. */
const graphics = /^(?=.{3,120}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\/[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/
const isGraphics = (name: string) => graphics.test(name) && /gpu|\/mig-/.test(name)

/** Fields that Che takes no overrides of, as a component has its own. */
const ofComponent = ['name', 'image', 'command', 'args', 'ports', 'volumeMounts']
const profile = "this part of the profile is the cluster's to say"

/** Reads `container-overrides`. What is not taken is named. Throws `definition-invalid`. */
export function readOverrides(value: Value | undefined): Overrides {
  if (!value || !isObject(value)) return noOverrides
  const said: { -readonly [K in keyof Overrides]: Overrides[K] } = { ...noOverrides }
  for (const [name, field] of value.fields()) {
    if (name === 'resources') Object.assign(said, readResources(field))
    else if (name === 'env') said.env = readList(field).filter(isPlain)
    else if (name === 'securityContext') Object.assign(said, readSecurity(field))
    else if (ofComponent.includes(name)) field.ignore('the component itself has a field for it')
    else field.ignore('only "resources", "env" and "securityContext" are taken from it')
  }
  return said
}

function isObject(value: Value): boolean {
  if (value.type === 'object') return true
  value.ignore('it is taken where it is written as an object')
  return false
}

function isPlain(item: Value): boolean {
  if (item.type !== 'object' || !item.fields().has('valueFrom')) return true
  item.ignore('values of other objects of the cluster are not filled in')
  return false
}

function readResources(value: Value): Pick<Overrides, 'amounts' | 'limitsAt' | 'gpu'> {
  const amounts: Amounts = {}
  const limitsAt: Value[] = []
  let gpu: Overrides['gpu']
  for (const [kind, section] of value.fields()) {
    if (kind !== 'requests' && kind !== 'limits') {
      section.ignore('only "requests" and "limits" are taken from it')
      continue
    }
    for (const [resource, field] of section.fields()) {
      if (resource === 'cpu' || resource === 'memory') {
        const amount = amountOf(field)
        if (amount > 0) amounts[`${resource}${kind === 'limits' ? 'Limit' : 'Request'}`] = amount
        if (kind === 'limits') limitsAt.push(field)
      } else if (!isGraphics(resource)) {
        field.ignore('of resources only memory, processors and graphics processors are asked for')
      } else if (gpu && gpu.resource !== resource) {
        field.ignore('one kind of graphics processors is asked for, and the first counts')
      } else {
        const count = amountOf(field)
        if (!Number.isInteger(count) || count > 1_000) throw field.mustBe('a whole number')
        // What is asked for and what is had are one number (core/v1, ResourceRequirements, of extended resources).
        if (count > 0) gpu ??= { resource, count, at: field }
      }
    }
  }
  return { amounts, limitsAt, ...(gpu && { gpu }) }
}

function amountOf(value: Value): number {
  const amount = parseQuantity(value.words())
  if (amount === undefined) throw value.mustBe('an amount', 'Write it as Kubernetes does, as in "512Mi".')
  return amount
}

function readSecurity(value: Value): Pick<Overrides, 'user' | 'readOnlyAt' | 'options'> {
  const draft = new ContainerDraft()
  const users = new Map<string, string>()
  let readOnlyAt: Value | undefined
  for (const [name, field] of value.fields()) {
    switch (name) {
      case 'privileged':
        if (field.boolean()) draft.take('privileged', '', field)
        break
      case 'capabilities':
        for (const [change, list] of field.fields()) {
          const setting = change === 'add' ? 'cap-add' : change === 'drop' ? 'cap-drop' : undefined
          if (setting) for (const item of readList(list)) draft.take(setting, item.text(), item)
          else list.ignore('only "add" and "drop" are taken from it')
        }
        break
      case 'allowPrivilegeEscalation':
        if (!field.boolean()) draft.take('security-opt', 'no-new-privileges', field)
        else field.ignore('it goes with the kernel capabilities that are allowed')
        break
      case 'seccompProfile':
        takeSeccomp(draft, field)
        break
      case 'runAsUser':
      case 'runAsGroup':
        users.set(name, numberOf(field))
        break
      case 'runAsNonRoot':
        if (field.boolean()) field.ignore('the image and "runAsUser" say whom it runs as')
        break
      case 'readOnlyRootFilesystem':
        if (field.boolean()) readOnlyAt = field
        break
      default:
        field.ignore(profile)
    }
  }
  const [uid, gid] = [users.get('runAsUser'), users.get('runAsGroup')]
  if (uid === undefined && gid !== undefined)
    value.named(`${value.name}.runAsGroup`).ignore('it is taken together with "runAsUser"')
  const options = draft.options()
  return {
    ...(uid !== undefined && { user: gid === undefined ? uid : `${uid}:${gid}` }),
    ...(readOnlyAt && { readOnlyAt }),
    ...(options && { options }),
  }
}

function takeSeccomp(draft: ContainerDraft, value: Value): void {
  const type = value.fields().get('type')?.text()
  if (type === 'Unconfined') draft.take('security-opt', 'seccomp=unconfined', value)
  else if (type !== 'RuntimeDefault') value.ignore(profile)
  else value.skip()
}

function numberOf(value: Value): string {
  const text = value.words()
  if (!/^\d{1,10}$/.test(text) || Number(text) > 2 ** 31 - 1)
    throw value.mustBe('the number of a user or group')
  return String(Number(text))
}

const chosen = (option: string) => `that is chosen with the workspace, see "berth up ${option}"`
const noAccount = 'a workspace has no account in its cluster'
/** Why a field of a pod is not taken. */
const podReasons = new Map(
  Object.entries({
    nodeSelector: chosen('--node-selector'),
    affinity: chosen('--node-selector'),
    nodeName: chosen('--node-selector'),
    tolerations: chosen('--toleration'),
    imagePullSecrets: chosen('--pull-secret'),
    serviceAccount: noAccount,
    serviceAccountName: noAccount,
    automountServiceAccountToken: noAccount,
  }),
)
const byNamespace = 'what the namespace has for every pod holds'

/** Reads `pod-overrides` (core/v1, PodTemplateSpec). What is not taken is named. Throws `definition-invalid`. */
export function readPodOverrides(value: Value | undefined): ContainerOptions | undefined {
  if (!value || !isObject(value)) return undefined
  const draft = new ContainerDraft()
  for (const [name, section] of value.fields()) {
    if (name === 'spec') for (const [of, field] of section.fields()) takeOfPod(draft, of, field)
    else if (name !== 'metadata') section.ignore('only "metadata" and "spec" are taken from it')
    else
      for (const [kind, field] of section.fields()) {
        const option = kind === 'annotations' ? '--annotation' : '--label'
        field.ignore(kind === 'labels' || kind === 'annotations' ? chosen(option) : byNamespace)
      }
  }
  return draft.options()
}

function takeOfPod(draft: ContainerDraft, name: string, field: Value): void {
  switch (name) {
    case 'hostNetwork':
      if (field.boolean()) draft.take('network', 'host', field)
      break
    case 'hostPID':
      if (field.boolean()) draft.take('pid', 'host', field)
      break
    case 'hostIPC':
      if (field.boolean()) draft.take('ipc', 'host', field)
      break
    case 'hostAliases':
      for (const item of readList(field)) {
        const { ip, hostnames } = partsOf(item, ['ip', 'hostnames'])
        for (const host of hostnames ? readList(hostnames) : [])
          draft.take('add-host', `${host.text()}:${ip?.text() ?? ''}`, host)
      }
      break
    case 'dnsConfig': {
      const { nameservers, searches, options } = partsOf(field, ['nameservers', 'searches', 'options'])
      for (const item of nameservers ? readList(nameservers) : []) draft.take('dns', item.text(), item)
      for (const item of searches ? readList(searches) : []) draft.take('dns-search', item.text(), item)
      for (const item of options ? readList(options) : []) {
        const { name: option, value } = partsOf(item, ['name', 'value'])
        draft.take('dns-option', [option, value].flatMap((one) => one?.words() ?? []).join(':'), item)
      }
      break
    }
    case 'securityContext':
      for (const [part, value] of field.fields()) {
        if (part === 'seccompProfile') takeSeccomp(draft, value)
        else if (part === 'supplementalGroups')
          for (const item of readList(value)) draft.take('group-add', numberOf(item), item)
        else if (part === 'sysctls')
          for (const item of readList(value)) {
            const setting = partsOf(item, ['name', 'value'])
            draft.take('sysctl', `${setting.name?.text() ?? ''}=${setting.value?.words() ?? ''}`, item)
          }
        else value.ignore(profile)
      }
      break
    default:
      field.ignore(podReasons.get(name) ?? byNamespace)
  }
}

/** The fields that are taken; others are named. */
function partsOf<const K extends string>(value: Value, names: readonly K[]): Partial<Record<K, Value>> {
  const parts: Partial<Record<K, Value>> = {}
  for (const [name, field] of value.fields()) {
    const known = names.find((one) => one === name)
    if (known === undefined)
      field.ignore(`only ${names.map((one) => `"${one}"`).join(', ')} are taken from it`)
    else parts[known] = field
  }
  return parts
}

/** What of a container goes into the definition's own options, or with the name of a service. */
export interface Overridden {
  readonly name: string
  readonly at: Value
  readonly overrides: Overrides
}

/**
 * The options of all: those of the workspace's own container and of its pod, the rights that its services ask for, and
 * `more`. What a container of its kind cannot have is named. Throws `definition-invalid` where they are too many.
 */
export function planOverrides(
  own: Overridden | undefined,
  services: readonly Overridden[],
  pods: readonly (ContainerOptions | undefined)[],
  more: readonly Right[],
): Pick<Definition, 'container' | 'containerUser'> {
  own?.overrides.readOnlyAt?.ignore('it is the container that is worked in')
  for (const { overrides } of services)
    overrides.gpu?.at.ignore("only the workspace's own container has graphics processors")
  const beside = services.flatMap(({ name, overrides }) =>
    (overrides.options?.rights ?? []).map((right) => ({ ...right, service: name })),
  )
  const asked = [...beside, ...more]
  const all = [own?.overrides.options, ...pods].reduce(
    (sum, one) => sum + (one?.rights.length ?? 0),
    asked.length,
  )
  const at = own?.at ?? services[0]?.at
  if (all > maximumRights)
    throw at?.wrong(`A workspace and its services ask for at most ${maximumRights} rights.`)
  const container = mergeContainerOptions([
    own?.overrides.options,
    ...pods,
    ...(asked.length > 0 ? [{ rights: asked }] : []),
  ])
  const user = own?.overrides.user
  return { ...(container && { container }), ...(user !== undefined && { containerUser: user }) }
}

/** Requirements with the graphics processors of the workspace's own container. */
export function withGraphics(
  requirements: HostRequirements | undefined,
  gpu: Overrides['gpu'],
): HostRequirements | undefined {
  if (!gpu) return requirements
  const { resource, count } = gpu
  return { ...requirements, gpu: 'required', gpuDevices: { resource, count } }
}
