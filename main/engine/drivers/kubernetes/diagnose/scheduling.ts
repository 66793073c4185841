import type { V1Pod } from '@kubernetes/client-node'
import type { Problem } from '#contract'

type Kind =
  | 'resource'
  | 'pods'
  | 'taint'
  | 'unwell'
  | 'selector'
  | 'cordoned'
  | 'pod-affinity'
  | 'volume'
  | 'volume-elsewhere'
  | 'other'

/** What some nodes have against a pod. */
export interface Shortage {
  readonly kind: Kind
  readonly nodes: number
  /** The resource (`cpu`, `nvidia.com/gpu`), the taint (`dedicated=build`), or the scheduler's own words. */
  readonly what: string
}

export interface Scheduling {
  /** Of the cluster; 0 where it has none, or the scheduler did not say. */
  readonly nodes: number
  readonly shortages: readonly Shortage[]
}

/** Taints that a cluster itself gives to nodes which are not well (well-known labels, annotations and taints). */
const unwell = /^node\.(?:kubernetes|cloudprovider)\.(?:io|kubernetes\.io)\//

/** Reads the scheduler's `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {…}.` of 1.20 and later. */
export function readScheduling(message: string): Scheduling {
  const [, total = '0', all = ''] =
    /0\/(\d+) nodes are available: ([\s\S]*?)(?:\.? (?:no new claims to deallocate|preemption: )|\.?\s*$)/.exec(
      message,
    ) ?? []
  const parts = all.replaceAll(", that the pod didn't tolerate", '').split(/, (?=\d+ )/)
  const shortages = parts.flatMap((part) => {
    const [, count, words] = /^(\d+) ([\s\S]+?)\.?$/.exec(part) ?? []
    return words === undefined ? [] : [{ ...kindOf(words), nodes: Number(count) }]
  })
  if (shortages.length === 0 && /PersistentVolumeClaim/i.test(message))
    return { nodes: Number(total), shortages: [{ kind: 'volume', nodes: Number(total), what: message }] }
  return { nodes: Number(total), shortages }
}

function kindOf(words: string): Pick<Shortage, 'kind' | 'what'> {
  const resource = /^Insufficient (\S+)/.exec(words)?.[1]
  if (resource) return { kind: 'resource', what: resource }
  if (/^Too many pods/.test(words)) return { kind: 'pods', what: words }
  const taint = /taints?(?:\(s\))?\s*\{\s*([^}]*?)\s*\}/.exec(words)?.[1]
  if (taint !== undefined) {
    const [key = '', value = ''] = taint.split(/:\s*/, 2)
    if (/\/unschedulable$/.test(key)) return { kind: 'cordoned', what: words }
    const what = value ? `${key}=${value}` : key
    return { kind: unwell.test(key) ? 'unwell' : 'taint', what }
  }
  if (/taint/.test(words)) return { kind: 'taint', what: words }
  if (/unbound|to bind|PersistentVolumeClaim/i.test(words)) return { kind: 'volume', what: words }
  if (/volume/i.test(words)) return { kind: 'volume-elsewhere', what: words }
  if (/node affinity|node selector/.test(words)) return { kind: 'selector', what: words }
  if (/were unschedulable/.test(words)) return { kind: 'cordoned', what: words }
  if (/affinity|topology spread/.test(words)) return { kind: 'pod-affinity', what: words }
  return { kind: 'other', what: words }
}

/** Whether a pod has no node because its volume is still to be made. */
export function waitsForVolume(message: string): boolean {
  return readScheduling(message).shortages.some(({ kind }) => kind === 'volume')
}

/** Why the scheduler has no node for a pod; `message` of the PodScheduled condition or the FailedScheduling event. */
export function unschedulable(message: string, pod: V1Pod | undefined): Problem {
  const { nodes, shortages } = readScheduling(message)
  const causes = shortages.map((shortage) => sentence(shortage, pod))
  const said = message.trim().split('\n', 1)[0]
  return {
    code: 'unschedulable',
    title: 'No node can take the workspace',
    cause:
      causes.length > 0
        ? `Of ${nodes} ${nodes === 1 ? 'node' : 'nodes'}, ${causes.join('; ')}.`
        : /no nodes available/i.test(message)
          ? 'The cluster has no nodes at the moment.'
          : `The scheduler says: ${said || 'nothing yet'}`,
    remedy:
      [...new Set(shortages.map(remedyOf))].join(' ') || 'Wait for a node, or ask whoever runs the cluster.',
    detail: message,
  }
}

function sentence({ kind, nodes, what }: Shortage, pod: V1Pod | undefined): string {
  const have = nodes === 1 ? 'has' : 'have'
  switch (kind) {
    case 'resource': {
      const asked = askedFor(pod, what)
      return `${nodes} ${have} too little ${resourceName(what)} left${asked ? ` (the workspace asks for ${asked})` : ''}`
    }
    case 'pods':
      return `${nodes} ${have} as many pods as a node may have`
    case 'taint':
      return `${nodes} ${have} a taint that the workspace does not tolerate${/taint/.test(what) ? '' : `: ${what}`}`
    case 'unwell':
      return `${nodes} ${nodes === 1 ? 'is' : 'are'} not well: ${what.replace(unwell, '')}`
    case 'selector': {
      const wanted = Object.entries(pod?.spec?.nodeSelector ?? {}).map(([key, value]) => `${key}=${value}`)
      return `${nodes} ${nodes === 1 ? 'does' : 'do'} not match its node selector${wanted.length > 0 ? ` ${wanted.join(', ')}` : ''}`
    }
    case 'cordoned':
      return `${nodes} ${nodes === 1 ? 'takes' : 'take'} no new pods at the moment`
    case 'pod-affinity':
      return `${nodes} ${nodes === 1 ? 'is' : 'are'} ruled out by the rules about pods beside each other`
    case 'volume':
      return `${nodes} ${nodes === 1 ? 'waits' : 'wait'} for its volume: ${what.replace(/^node\(s\) /, '')}`
    case 'volume-elsewhere':
      return `${nodes} cannot have its volume: ${what.replace(/^node\(s\) /, '')}`
    case 'other':
      return `${nodes}: ${what}`
  }
}

function remedyOf({ kind, what }: Shortage): string {
  switch (kind) {
    case 'resource':
      return `Ask for less ${resourceName(what)}, stop something that uses it, or wait for room.`
    case 'pods':
      return 'Stop something else, or wait for room.'
    case 'taint':
      return "Add a toleration for the taint to the workspace's options, if these nodes are meant for it."
    case 'selector':
      return "Correct the node selector in the workspace's options, or have a node labelled so."
    case 'volume':
      return 'Wait for the volume, or choose another storage class.'
    case 'volume-elsewhere':
      return 'Choose nodes where its volume is: it cannot go to these.'
    case 'unwell':
    case 'cordoned':
    case 'pod-affinity':
    case 'other':
      return 'Wait, or ask whoever runs the cluster about its nodes.'
  }
}

function resourceName(name: string): string {
  const names: Readonly<Record<string, string>> = {
    cpu: 'CPU',
    memory: 'memory',
    'ephemeral-storage': 'disk space',
  }
  return names[name] ?? name
}

/** The most that one of its containers asks for, as written; init containers run one by one, with the same. */
function askedFor(pod: V1Pod | undefined, resource: string): string | undefined {
  const all = [...(pod?.spec?.containers ?? []), ...(pod?.spec?.initContainers ?? [])]
  return all.map(({ resources }) => resources?.requests?.[resource]).find((amount) => amount !== undefined)
}
