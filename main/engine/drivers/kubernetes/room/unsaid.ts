import type { V1LimitRange, V1ResourceQuota } from '@kubernetes/client-node'
import type { StepReport, WorkspaceSpec } from '../../driver'
import type { ApiClient } from '../api'
import { isStatus } from '../status'
import { paths } from '../workspace/anatomy'
import { isMore } from '../workspace/quantity'
import type { Unsaid } from '../workspace/service-resources'
import { defaultsOf } from './demand'
import { counting } from './fit'

/** What a container gets of what it has to say and does not. */
const modest: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>> = {
  requests: { cpu: '50m', memory: '128Mi' },
  limits: { cpu: '1', memory: '512Mi' },
}

/**
 * What the quotas of a namespace want to be told of each container and its LimitRanges do not fill in, in modest
 * amounts that these let in (quota evaluator for pods, Constraints; LimitRanger).
 */
export function unsaidOf(quotas: readonly V1ResourceQuota[], ranges: readonly V1LimitRange[]): Unsaid {
  const pod = { requests: { cpu: '1m', memory: '1' }, limits: {}, storage: '0' } as const
  const counted = counting(quotas, { ...pod, storageClass: undefined, dockerLogin: false })
  const demanded = new Set(counted.flatMap(({ hard }) => Object.keys(hard)))
  const items = ranges.flatMap(({ spec }) => spec?.limits ?? []).filter(({ type }) => type === 'Container')
  const unsaid = { requests: {} as Record<string, string>, limits: {} as Record<string, string> }
  for (const kind of ['requests', 'limits'] as const) {
    for (const [name, amount] of Object.entries(modest[kind])) {
      if (!demanded.has(`${kind}.${name}`) && !(kind === 'requests' && demanded.has(name))) continue
      const isFilledIn = items.some((item) => {
        const most = item._default ?? defaultsOf(item)
        return name in most || (kind === 'requests' && name in (item.defaultRequest ?? {}))
      })
      if (isFilledIn) continue
      let fitting = amount
      for (const { min, max } of items) {
        if (min?.[name] !== undefined && isMore(min[name], fitting)) fitting = min[name]
        if (max?.[name] !== undefined && isMore(fitting, max[name])) fitting = max[name]
      }
      unsaid[kind][name] = fitting
    }
  }
  return unsaid
}

/** Nothing where this identity may not ask. Rejects with raw errors. */
async function readUnsaid(client: ApiClient, signal: AbortSignal): Promise<Unsaid> {
  const at = paths(client.identity.namespace)
  const list = async <T>(path: string): Promise<readonly T[]> => {
    try {
      return (await client.json<{ items?: T[] }>('GET', path, { signal })).items ?? []
    } catch (error) {
      if (!isStatus(error, 403)) throw error
      return []
    }
  }
  const [quotas, ranges] = await Promise.all([
    list<V1ResourceQuota>(at.quotas),
    list<V1LimitRange>(at.limitRanges),
  ])
  return unsaidOf(quotas, ranges)
}

/** What is said in the place of services that say nothing themselves, and is told. Rejects with raw errors. */
export async function unsaidFor(
  client: ApiClient,
  { definition }: Pick<WorkspaceSpec, 'definition'>,
  report: StepReport,
  signal: AbortSignal,
): Promise<{ readonly unsaid?: Unsaid }> {
  if (definition.services.length === 0) return {}
  const unsaid = await readUnsaid(client, signal)
  const said = describeUnsaid(unsaid)
  if (said === undefined) return {}
  report.output(
    `The namespace wants to be told what each container needs: a service that says nothing ${said}.\n`,
  )
  return { unsaid }
}

/** In words, for whoever asks where amounts come from; undefined where nothing was filled in. */
function describeUnsaid({ requests, limits }: Unsaid): string | undefined {
  const told = (amounts: Readonly<Record<string, string>>) =>
    Object.entries(amounts).map(([name, amount]) => `${amount} of ${name === 'cpu' ? 'processors' : name}`)
  const parts = [
    ...(Object.keys(requests).length > 0 ? [`is sure of ${told(requests).join(' and ')}`] : []),
    ...(Object.keys(limits).length > 0 ? [`may take ${told(limits).join(' and ')}`] : []),
  ]
  return parts.length === 0 ? undefined : parts.join(', and ')
}
