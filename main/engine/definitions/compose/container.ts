import type { ContainerOptions } from '#contract'
import { ContainerDraft, type Setting } from '../container/index'
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

/** Fields that {@link readContainer} applies, of the workspace's own service. */
export const containerFields: readonly string[] = [
  ...Object.keys(lists),
  ...Object.keys(singles),
  'devices',
  'extra_hosts',
  'labels',
  'privileged',
  'sysctls',
  'ulimits',
]

/** How the container of the workspace's own service is made (Compose specification, "Services"). Throws `definition-invalid`. */
export function readContainer(layers: readonly Layer[]): ContainerOptions | undefined {
  const draft = new ContainerDraft()
  const privileged = lastLayer(layers, 'privileged')
  if (privileged && flag(privileged)) draft.take('privileged', '', privileged.value)
  for (const [field, setting] of Object.entries(lists)) {
    for (const item of itemsOf(fieldLayers(layers, field))) draft.take(setting, plainText(item), item.value)
  }
  for (const [field, setting] of Object.entries(singles)) {
    const layer = lastLayer(layers, field)
    if (layer) draft.take(setting, plainText(layer), layer.value)
  }
  const hostname = lastLayer(layers, 'hostname')
  // Whatever is no name is named where names that lead to services are read.
  if (hostname && isHostName(plainText(hostname))) draft.take('hostname', plainText(hostname), hostname.value)
  const network = lastLayer(layers, 'network_mode')
  if (network && plainText(network) === 'host') draft.take('network', 'host', network.value)
  for (const item of itemsOf(fieldLayers(layers, 'devices')))
    draft.take('device', deviceText(item), item.value)
  for (const [text, place] of pairsOf(fieldLayers(layers, 'labels'))) draft.take('label', text, place.value)
  for (const [text, place] of pairsOf(fieldLayers(layers, 'sysctls'))) draft.take('sysctl', text, place.value)
  for (const [text, place] of pairsOf(fieldLayers(layers, 'extra_hosts')))
    draft.take('add-host', text, place.value)
  for (const [name, layer] of entriesOf(fieldLayers(layers, 'ulimits')))
    draft.take('ulimit', `${name}=${ulimitText(layer)}`, layer.value)
  return draft.options()
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
