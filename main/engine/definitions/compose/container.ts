import type { ContainerOptions } from '#contract'
import { ContainerDraft, type Setting } from '../container/index'
import { isUnlimited, type ReadDeploy } from './deploy'
import { entriesOf, fieldLayers, flag, itemsOf, type Layer, lastLayer, plainText } from './layer'
import { isHostName } from './names'

const lists: Readonly<Record<string, Setting>> = {
  cap_add: 'cap-add',
  cap_drop: 'cap-drop',
  device_cgroup_rules: 'device-cgroup-rule',
  dns: 'dns',
  dns_opt: 'dns-option',
  dns_search: 'dns-search',
  group_add: 'group-add',
  security_opt: 'security-opt',
}

const singles: Readonly<Record<string, Setting>> = {
  cgroup: 'cgroupns',
  cpus: 'cpus',
  ipc: 'ipc',
  mem_limit: 'memory',
  memswap_limit: 'memory-swap',
  pid: 'pid',
  shm_size: 'shm-size',
  userns_mode: 'userns',
  uts: 'uts',
}

/** Fields of the network, which is the workspace's own. */
const ofNetwork: readonly string[] = ['dns', 'dns_opt', 'dns_search']

const amounts: readonly string[] = ['cpus', 'mem_limit', 'memswap_limit']

/** Fields that {@link draftContainer} applies, of a service beside the workspace's own. */
export const besideFields: readonly string[] = [
  ...Object.keys(lists).filter((field) => !ofNetwork.includes(field)),
  ...Object.keys(singles),
  'deploy',
  'devices',
  'extra_hosts',
  'labels',
  'privileged',
  'sysctls',
  'ulimits',
]

/** The same of the workspace's own service. */
export const containerFields: readonly string[] = [...ofNetwork, ...besideFields, 'gpus', 'runtime']

/** How the container of the workspace's own service is made (Compose specification, "Services"). Throws `definition-invalid`. */
export function readContainer(
  layers: readonly Layer[],
  { memory, cpus, memoryReserved, cpusReserved, processes }: ReadDeploy = {},
): ContainerOptions | undefined {
  const options = draftContainer(layers, true).options()
  const deploy = lastLayer(layers, 'deploy')
  if (memoryReserved !== undefined || cpusReserved !== undefined)
    deploy?.value.ignore(
      'what is kept free for the workspace is said by "hostRequirements" in devcontainer.json; limits are applied',
    )
  if (processes !== undefined) deploy?.value.ignore("the workspace's processes are not counted")
  if (memory === undefined && cpus === undefined) return options
  return { rights: [], ...(memory && { memory }), ...(cpus && { cpus }), ...options }
}

/** What a service says of its container. `ofWorkspace`: it is the one whose network the others share. */
export function draftContainer(layers: readonly Layer[], ofWorkspace: boolean): ContainerDraft {
  const draft = new ContainerDraft()
  const privileged = lastLayer(layers, 'privileged')
  if (privileged && flag(privileged)) draft.take('privileged', '', privileged.value)
  for (const [field, setting] of Object.entries(lists)) {
    if (!ofWorkspace && ofNetwork.includes(field)) continue
    for (const item of itemsOf(fieldLayers(layers, field))) draft.take(setting, plainText(item), item.value)
  }
  for (const [field, setting] of Object.entries(singles)) {
    const layer = lastLayer(layers, field)
    if (!layer) continue
    const text = plainText(layer)
    // Without a limit, but that swap without one is said so.
    if (amounts.includes(field) && isUnlimited(text) && setting !== 'memory-swap') continue
    draft.take(setting, text, layer.value)
  }
  if (ofWorkspace) takeNames(draft, layers)
  for (const item of itemsOf(fieldLayers(layers, 'devices')))
    draft.take('device', deviceText(item), item.value)
  for (const [text, place] of pairsOf(fieldLayers(layers, 'labels'))) draft.take('label', text, place.value)
  for (const [text, place] of pairsOf(fieldLayers(layers, 'sysctls'))) draft.take('sysctl', text, place.value)
  for (const [text, place] of pairsOf(fieldLayers(layers, 'extra_hosts')))
    draft.take('add-host', text, place.value)
  for (const [name, layer] of entriesOf(fieldLayers(layers, 'ulimits')))
    draft.take('ulimit', `${name}=${ulimitText(layer)}`, layer.value)
  return draft
}

/** Its own name, and the machine's network, which services cannot have without the workspace. */
function takeNames(draft: ContainerDraft, layers: readonly Layer[]): void {
  const hostname = lastLayer(layers, 'hostname')
  // Whatever is no name is named where names that lead to services are read.
  if (hostname && isHostName(plainText(hostname))) draft.take('hostname', plainText(hostname), hostname.value)
  const network = lastLayer(layers, 'network_mode')
  if (network && plainText(network) === 'host') draft.take('network', 'host', network.value)
}

function deviceText(layer: Layer): string {
  if (layer.value.type !== 'object') return plainText(layer)
  const part = (name: string) => {
    const found = lastLayer([layer], name)
    return found ? [plainText(found)] : []
  }
  return [...part('source'), ...part('target'), ...part('permissions')].join(':')
}

/** `soft:hard`, or one number for both. */
function ulimitText(layer: Layer): string {
  if (layer.value.type !== 'object') return plainText(layer)
  const [soft, hard] = [lastLayer([layer], 'soft'), lastLayer([layer], 'hard')]
  if (!soft || !hard) throw layer.value.mustBe('a number, or an object with "soft" and "hard"')
  return `${plainText(soft)}:${plainText(hard)}`
}

/** A list of `name=value`, or an object whose values are texts or lists of them. */
function pairsOf(layers: readonly Layer[]): [text: string, place: Layer][] {
  return layers.flatMap((layer) => {
    if (layer.value.type === 'array')
      return itemsOf([layer]).map((item) => [plainText(item), item] as [string, Layer])
    return [...layer.fields()].flatMap(([name, value]) =>
      itemsOf([layer.within(value)]).map((item) => [`${name}=${plainText(item)}`, item] as [string, Layer]),
    )
  })
}
