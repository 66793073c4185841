import type { V1LimitRange } from '@kubernetes/client-node'
import type { KubernetesOptions } from '#contract'
import { DEFAULT_STORAGE } from '../workspace/manifests'

/** Amounts by resource, as Kubernetes writes them. */
export type Amounts = Readonly<Record<string, string>>

/** What a workspace asks of its namespace once the namespace's defaults have been filled in. */
export interface Demand {
  /** Of the workspace's container, and so of its pod: what prepares its volume asks for no more, and is done before. */
  readonly requests: Amounts
  readonly limits: Amounts
  readonly storage: string
  /** Undefined where the cluster's default is meant and not known. */
  readonly storageClass: string | undefined
  readonly dockerLogin: boolean
}

/**
 * A container's amounts as the API server completes them: a request that is open is what is limited, then what the
 * LimitRanges of the namespace say (apimachinery, SetDefaults_Pod; LimitRanger, mergeContainerResources).
 */
export function demandOf(
  options: KubernetesOptions,
  ranges: readonly V1LimitRange[],
  defaultClass: string | undefined,
): Demand {
  const devices = options.gpu ? { [options.gpu.resource]: String(options.gpu.count) } : {}
  const limits: Record<string, string> = { ...defined(options.limits), ...devices }
  const requests: Record<string, string> = { ...limits, ...defined(options.requests) }
  for (const { spec } of ranges) {
    for (const item of spec?.limits ?? []) {
      if (item.type !== 'Container') continue
      for (const [name, amount] of Object.entries(item.defaultRequest ?? {})) requests[name] ??= amount
      for (const [name, amount] of Object.entries(item._default ?? defaultsOf(item))) limits[name] ??= amount
    }
  }
  return {
    requests,
    limits,
    storage: options.storage ?? DEFAULT_STORAGE,
    storageClass: options.storageClass ?? defaultClass,
    dockerLogin: options.dockerLogin === true,
  }
}

/** The client library's types call it `_default`; the JSON of the API, which is what comes here, `default`. */
export function defaultsOf(item: object): Amounts {
  return 'default' in item ? ((item.default as Amounts | undefined) ?? {}) : {}
}

function defined(amounts: Readonly<Record<string, string | undefined>> | undefined): Record<string, string> {
  const all: Record<string, string> = {}
  for (const [name, amount] of Object.entries(amounts ?? {})) if (amount !== undefined) all[name] = amount
  return all
}
