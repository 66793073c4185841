import type { V1LimitRange, V1LimitRangeItem, V1ResourceQuota, V1StorageClass } from '@kubernetes/client-node'
import type { Allowance, Bounds, KubernetesOptions, Room, StorageClass } from '#contract'
import type { ApiClient } from '../api'
import { isStatus } from '../status'
import { paths } from '../workspace/anatomy'
import { quantityOf } from '../workspace/quantity'
import { defaultsOf, demandOf } from './demand'
import { fitProblem, leftOf } from './fit'

/** The older annotation is still looked at by the API server (kubernetes/kubernetes, storage util). */
const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

/** What room a namespace has, and whether a workspace of such options fits in. Rejects with raw errors. */
export async function readRoom(
  client: ApiClient,
  options: KubernetesOptions,
  signal: AbortSignal,
): Promise<Room> {
  const { namespace } = client.identity
  const unknown: string[] = []
  const list = async <T>(path: string, right: string): Promise<readonly T[] | undefined> => {
    try {
      return (await client.json<{ items?: T[] }>('GET', path, { signal })).items ?? []
    } catch (error) {
      if (!isStatus(error, 403)) throw error
      unknown.push(right)
      return undefined
    }
  }
  const at = paths(namespace)
  const [quotas = [], ranges = [], found] = await Promise.all([
    list<V1ResourceQuota>(at.quotas, 'list resourcequotas'),
    list<V1LimitRange>(at.limitRanges, 'list limitranges'),
    list<V1StorageClass>('/apis/storage.k8s.io/v1/storageclasses', 'list storageclasses.storage.k8s.io'),
  ])
  const classes = found?.map(classOf)
  const demand = demandOf(options, ranges, classes?.find(({ isDefault }) => isDefault)?.name)
  const problem = fitProblem(options, demand, { namespace, quotas, ranges, classes })
  return {
    allowances: quotas.flatMap(allowancesOf),
    bounds: ranges.flatMap(({ spec }) => (spec?.limits ?? []).flatMap(boundsOf)),
    ...(classes && { storageClasses: classes }),
    unknown: unknown.sort(),
    ...(problem && { problem }),
  }
}

function classOf({ metadata, allowVolumeExpansion }: V1StorageClass): StorageClass {
  return {
    name: metadata?.name ?? '',
    isDefault: DEFAULT_CLASS.some((key) => metadata?.annotations?.[key] === 'true'),
    grows: allowVolumeExpansion === true,
  }
}

function allowancesOf({ metadata, spec, status }: V1ResourceQuota): Allowance[] {
  return Object.entries(status?.hard ?? spec?.hard ?? {}).map(([resource, limit]) => {
    const used = status?.used?.[resource] ?? '0'
    const most = quantityOf(limit)
    return {
      quota: metadata?.name ?? '',
      resource,
      limit,
      used,
      left: leftOf(resource, limit, used),
      share: most > 0 ? Math.min(1, quantityOf(used) / most) : 1,
    }
  })
}

const kinds: Readonly<Record<string, Bounds['of']>> = {
  Container: 'container',
  Pod: 'pod',
  PersistentVolumeClaim: 'volume',
}

function boundsOf(item: V1LimitRangeItem): Bounds[] {
  const of = kinds[item.type]
  if (!of) return []
  const { min = {}, max = {}, defaultRequest = {}, maxLimitRequestRatio = {} } = item
  const limits = defaultsOf(item)
  const all = [min, max, defaultRequest, limits, maxLimitRequestRatio]
  return [...new Set(all.flatMap((amounts) => Object.keys(amounts)))].map((resource) => ({
    of,
    resource,
    ...(min[resource] !== undefined && { min: min[resource] }),
    ...(max[resource] !== undefined && { max: max[resource] }),
    ...(defaultRequest[resource] !== undefined && { defaultRequest: defaultRequest[resource] }),
    ...(limits[resource] !== undefined && { defaultLimit: limits[resource] }),
    ...(maxLimitRequestRatio[resource] !== undefined && { ratio: maxLimitRequestRatio[resource] }),
  }))
}
