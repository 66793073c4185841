import type { V1LimitRange, V1LimitRangeItem, V1ResourceQuota } from '@kubernetes/client-node'
import { type KubernetesOptions, type Problem, resourceLabel, type StorageClass } from '#contract'
import { isMore, quantityOf } from '../workspace/quantity'
import type { Amounts, Demand } from './demand'

/** What is known of a namespace; a list is absent where this identity may not ask for it. */
export interface Known {
  readonly namespace: string
  readonly quotas: readonly V1ResourceQuota[]
  readonly ranges: readonly V1LimitRange[]
  readonly classes?: readonly StorageClass[] | undefined
}

/** Why a workspace cannot be made there; undefined where nothing is known that speaks against it. */
export function fitProblem(options: KubernetesOptions, demand: Demand, known: Known): Problem | undefined {
  return (
    amountsProblem(options) ??
    classProblem(options, known) ??
    unsaidProblem(demand, known) ??
    defaultProblem(demand, known) ??
    boundsProblem(demand, known) ??
    shortProblem(demand, known)
  )
}

const title = (namespace: string) => `The workspace does not fit into the namespace "${namespace}"`

function amountsProblem({ requests, limits }: KubernetesOptions): Problem | undefined {
  for (const name of ['cpu', 'memory'] as const) {
    const [request, limit] = [requests?.[name], limits?.[name]]
    if (request === undefined || limit === undefined || !isMore(request, limit)) continue
    return {
      code: 'invalid-input',
      title: `More ${resourceLabel(name)} is asked for than its limit`,
      cause: `${request} is to be sure, and ${limit} is the most that it may get.`,
      remedy: 'Ask for less, or raise the limit.',
    }
  }
  return undefined
}

function classProblem({ storageClass }: KubernetesOptions, { classes }: Known): Problem | undefined {
  if (!classes) return undefined
  const names = classes.map(({ name }) => name).join(', ')
  if (storageClass !== undefined) {
    if (classes.some(({ name }) => name === storageClass)) return undefined
    return {
      code: 'storage-class-missing',
      title: `There is no storage class "${storageClass}"`,
      cause: names ? `The cluster has: ${names}.` : 'The cluster has none at all.',
      remedy: 'Choose one of them, or leave it to the cluster’s default.',
    }
  }
  if (classes.some(({ isDefault }) => isDefault)) return undefined
  return {
    code: 'storage-class-missing',
    title: 'The cluster has no default storage class',
    cause: names ? `It has: ${names}.` : 'It has no storage class at all.',
    remedy: names
      ? 'Choose one of them for the workspace, or in the settings.'
      : 'Ask whoever runs the cluster for one.',
  }
}

/** What a quota counts of pods' amounts has to be said of each (quota evaluator for pods, Constraints). */
const demanded = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']

function unsaidProblem(demand: Demand, { namespace, quotas }: Known): Problem | undefined {
  const unsaid = new Map<string, string>()
  for (const { quota, hard } of counting(quotas, demand)) {
    for (const resource of Object.keys(hard))
      if (demanded.includes(resource) && amountOf(resource, demand) === undefined) unsaid.set(resource, quota)
  }
  const [quota] = unsaid.values()
  if (quota === undefined) return undefined
  const list = [...unsaid.keys()].map(resourceLabel).join(', ')
  return {
    code: 'quota-exceeded',
    title: `The namespace "${namespace}" wants to be told what the workspace needs`,
    cause: `Its quota "${quota}" takes nothing that leaves open: ${list}.`,
    remedy: `Say for this workspace how much it needs of: ${list}.`,
    detail: [...unsaid].map(([resource, name]) => `${name}: ${resource} has to be set`).join('\n'),
  }
}

/** The quotas that count such a pod, or what else a workspace is made of. */
export function counting(quotas: readonly V1ResourceQuota[], demand: Demand) {
  return quotas
    .filter(({ spec }) => {
      const scopes = [
        ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
        ...(spec?.scopeSelector?.matchExpressions ?? []),
      ]
      return scopes.every(({ scopeName, operator }) => operator === 'Exists' && isWithin(scopeName, demand))
    })
    .map(({ metadata, spec, status }) => ({
      quota: metadata?.name ?? '',
      hard: status?.hard ?? spec?.hard ?? {},
      used: status?.used ?? {},
    }))
}

/** Of what is not known (a priority class that is given by default) a quota counts as none of ours. */
function isWithin(scope: string, { requests, limits }: Demand): boolean {
  const asks = ['cpu', 'memory'].some((name) => name in requests || name in limits)
  if (scope === 'NotTerminating') return true
  return scope === 'BestEffort' ? !asks : scope === 'NotBestEffort' && asks
}

/** How much a workspace takes of what a quota counts; undefined where it leaves that open, or is not counted. */
function amountOf(resource: string, demand: Demand): string | undefined {
  const { requests, limits, storage, storageClass, dockerLogin } = demand
  const ofClass = /^(.+)\.storageclass\.storage\.k8s\.io\/(.+)$/.exec(resource)
  if (ofClass) return ofClass[1] === storageClass ? amountOf(ofClass[2] ?? '', demand) : undefined
  switch (resource.replace(/^count\//, '')) {
    case 'pods':
    case 'persistentvolumeclaims':
    case 'statefulsets.apps':
    case 'networkpolicies.networking.k8s.io':
      return '1'
    case 'secrets':
      return dockerLogin ? '1' : undefined
    case 'requests.storage':
      return storage
  }
  const [, kind, name = resource] = /^(?:(requests|limits)\.)?(.+)$/.exec(resource) ?? []
  return (kind === 'limits' ? limits : requests)[name]
}

function shortProblem(demand: Demand, { namespace, quotas }: Known): Problem | undefined {
  const short = counting(quotas, demand).flatMap(({ quota, hard, used }) =>
    Object.entries(hard).flatMap(([resource, limit]) => {
      const wanted = amountOf(resource, demand)
      if (wanted === undefined) return []
      const inUse = used[resource] ?? '0'
      if (!(quantityOf(inUse) + quantityOf(wanted) > quantityOf(limit) * (1 + 1e-9))) return []
      const left = leftOf(resource, limit, inUse)
      return [{ quota, resource, wanted, limit, inUse, left }]
    }),
  )
  if (short.length === 0) return undefined
  const causes = short.map(
    ({ quota, resource, wanted, limit, left }) =>
      `${resourceLabel(resource)}: ${wanted} asked for, ${left} of ${limit} left in the quota "${quota}"`,
  )
  return {
    code: 'quota-exceeded',
    title: title(namespace),
    cause: `${causes.join('; ')}.`,
    remedy:
      'Ask for less, stop or delete what you do not need in this namespace, choose another namespace, or ask for a larger quota.',
    detail: short
      .map(
        ({ quota, resource, wanted, limit, inUse }) =>
          `${quota}: ${resource} requested ${wanted}, used ${inUse}, limited ${limit}`,
      )
      .join('\n'),
  }
}

/** What of a quota is left, never less than nothing. */
export function leftOf(resource: string, limit: string, used: string): string {
  return writeQuantity(resource, Math.max(0, quantityOf(limit) - quantityOf(used)))
}

const units = [
  ['Ti', 2 ** 40],
  ['Gi', 2 ** 30],
  ['Mi', 2 ** 20],
  ['Ki', 2 ** 10],
] as const

/** An amount as people write it of such a resource: `500m`, `2.5`, `1.5Gi`. */
export function writeQuantity(resource: string, amount: number): string {
  if (/cpu$/.test(resource)) {
    const milli = Math.round(amount * 1000)
    return milli % 100 === 0 && (milli >= 1000 || milli === 0) ? String(milli / 1000) : `${milli}m`
  }
  if (!/memory$|storage$/.test(resource)) return String(Math.round(amount))
  const [unit, factor] = units.find(([, one]) => amount >= one) ?? ['', 1]
  // Rounded down: what is said to be left is there.
  return `${Math.floor((amount / factor) * 10) / 10}${unit}`
}

const words = { Container: 'a container', Pod: 'a pod', PersistentVolumeClaim: 'a volume' } as const

function boundsProblem(demand: Demand, { namespace, ranges }: Known): Problem | undefined {
  const broken = ranges.flatMap(({ metadata, spec }) =>
    (spec?.limits ?? []).flatMap((item) =>
      breaches(item, demand).map((breach) => ({ range: metadata?.name ?? '', breach })),
    ),
  )
  if (broken.length === 0) return undefined
  return {
    code: 'limit-range',
    title: title(namespace),
    cause: `${[...new Set(broken.map(({ breach }) => breach))].join('; ')}.`,
    remedy: 'Stay within the limits that the namespace sets for each container, pod or volume.',
    detail: broken.map(({ range, breach }) => `${range}: ${breach}`).join('\n'),
  }
}

/** A request that only the definition makes may be more than the limit that the namespace fills in. */
function defaultProblem({ requests, limits }: Demand, { namespace }: Known): Problem | undefined {
  for (const name of ['cpu', 'memory']) {
    const [request, limit] = [requests[name], limits[name]]
    if (request === undefined || limit === undefined || !isMore(request, limit)) continue
    return {
      code: 'limit-range',
      title: title(namespace),
      cause: `${request} of ${resourceLabel(name)} is to be sure, and a container that says nothing gets ${limit} there.`,
      remedy: `Say how much ${resourceLabel(name)} the workspace may get at most, or how much is to be sure.`,
    }
  }
  return undefined
}

/** As LimitRanger checks each kind of object (minConstraint, maxConstraint, limitRequestRatioConstraint). */
function breaches(item: V1LimitRangeItem, { requests, limits, storage }: Demand): string[] {
  const what = words[item.type as keyof typeof words]
  if (!what) return []
  const isVolume = item.type === 'PersistentVolumeClaim'
  const asked: Amounts = isVolume ? { storage } : requests
  const most: Amounts = isVolume ? { storage } : limits
  const found: string[] = []
  for (const [name, min] of Object.entries(item.min ?? {})) {
    const least = asked[name]
    if (least === undefined) found.push(`${what} has to ask for ${min} of ${resourceLabel(name)} or more`)
    else if (isMore(min, least) || isMore(min, most[name] ?? min))
      found.push(`${what} has ${min} of ${resourceLabel(name)} or more, and ${least} is asked for`)
  }
  for (const [name, max] of Object.entries(item.max ?? {})) {
    const limit = most[name]
    if (limit === undefined)
      found.push(`${what} has to have a limit of ${max} of ${resourceLabel(name)} or less`)
    else if (isMore(limit, max) || isMore(asked[name] ?? max, max))
      found.push(
        `${what} has ${max} of ${resourceLabel(name)} at most, and ${isMore(asked[name] ?? '0', max) ? asked[name] : limit} is asked for`,
      )
  }
  for (const [name, ratio] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    const [request, limit] = [asked[name], most[name]]
    if (request === undefined || limit === undefined) continue
    if (quantityOf(limit) > quantityOf(request) * quantityOf(ratio) * (1 + 1e-9))
      found.push(
        `the limit of ${resourceLabel(name)} is ${ratio} times what is asked for at most, and ${limit} is more than that for ${request}`,
      )
  }
  return found
}
