import type { Service, ServiceOptions } from '#contract'
import { processorsOf, sizeOf } from '../container/index'
import { fieldLayers, type Layer, lastLayer, plainText } from './layer'

/** What `deploy` says of a service that a single machine can do. */
export interface ReadDeploy
  extends Pick<ServiceOptions, 'memory' | 'cpus' | 'processes' | 'memoryReserved' | 'cpusReserved'> {
  readonly restart?: Service['restart']
}

const ofSwarms = 'it is for services that are spread over many machines'

/**
 * `deploy` (Compose specification, "Compose Deploy Specification"): amounts and when it is started again. The rest is
 * named, but for the devices of the workspace's own service (`ofWorkspace`), which are read elsewhere. Throws
 * `definition-invalid`.
 */
export function readDeploy(layers: readonly Layer[], ofWorkspace = false): ReadDeploy {
  const deploy = fieldLayers(layers, 'deploy')
  nameOthers(deploy, ['resources', 'restart_policy', 'replicas'], ofSwarms)
  const replicas = lastLayer(deploy, 'replicas')
  if (replicas && plainText(replicas) !== '1') replicas.value.ignore('each service runs once')
  const resources = fieldLayers(deploy, 'resources')
  nameOthers(resources, ['limits', 'reservations'], 'only "limits" and "reservations" are read')
  const limits = fieldLayers(resources, 'limits')
  nameOthers(limits, ['cpus', 'memory', 'pids'], 'memory, processors and processes are limited only')
  const reserved = fieldLayers(resources, 'reservations')
  nameOthers(reserved, ['cpus', 'memory', ...(ofWorkspace ? ['devices'] : [])], 'devices are not passed on')
  const restart = restartOf(fieldLayers(deploy, 'restart_policy'))
  return {
    ...amount('memory', lastLayer(limits, 'memory'), sizeOf, 'a size such as 512m'),
    ...amount('cpus', lastLayer(limits, 'cpus'), processorsOf, 'a number of processors such as 0.5'),
    ...amount('processes', lastLayer(limits, 'pids'), countOf, 'a number of processes'),
    ...amount('memoryReserved', lastLayer(reserved, 'memory'), sizeOf, 'a size such as 512m'),
    ...amount(
      'cpusReserved',
      lastLayer(reserved, 'cpus'),
      processorsOf,
      'a number of processors such as 0.5',
    ),
    ...(restart && { restart }),
  }
}

/** An amount as it is written. Nothing, and what stands for no limit, is not there. Throws `definition-invalid`. */
export function amount<K extends string>(
  name: K,
  layer: Layer | undefined,
  read: (text: string) => number | undefined,
  wanted: string,
): { [P in K]?: number } {
  if (!layer) return {}
  const text = plainText(layer).trim()
  if (isUnlimited(text)) return {}
  const found = read(text)
  if (found === undefined) throw layer.value.mustBe(wanted)
  return { [name]: found } as { [P in K]?: number }
}

/** Whether an amount says that there is none. */
export function isUnlimited(text: string): boolean {
  return text === '' || text === '-1' || /^0+(?:\.0+)?[a-z]*$/i.test(text)
}

export function countOf(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

function restartOf(layers: readonly Layer[]): Service['restart'] | undefined {
  if (layers.length === 0) return undefined
  nameOthers(layers, ['condition'], 'it is started again as often as it ends, after a while')
  const condition = lastLayer(layers, 'condition')
  switch (condition?.value.choice(['none', 'on-failure', 'any']) ?? 'any') {
    case 'none':
      return 'never'
    case 'on-failure':
      return 'on-failure'
    default:
      return 'always'
  }
}

function nameOthers(layers: readonly Layer[], known: readonly string[], reason: string): void {
  for (const layer of layers) {
    for (const [name, value] of layer.fields()) {
      if (!known.includes(name) && !name.startsWith('x-') && value.type !== 'null') value.ignore(reason)
    }
  }
}
