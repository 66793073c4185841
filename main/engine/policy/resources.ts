import type { Definition, KubernetesOptions } from '#contract'
import { isMore, quantityOf } from '../platform/quantity'
import type { Findings } from './findings'
import type { LoadedPolicy } from './loaded'

type Kind = 'cpu' | 'memory' | 'storage'

/** What a container of an engine never gets more of. */
export interface ContainerLimits {
  /** Cores. */
  readonly cpu?: number
  /** Bytes. */
  readonly memory?: number
}

export interface ResourceRequest {
  readonly target: 'docker' | 'kubernetes'
  /** Absent: it is not known yet. */
  readonly definition?: Definition
  /** What was asked for, for this workspace alone. */
  readonly asked: KubernetesOptions
  /** What holds where that leaves it open. */
  readonly standing: KubernetesOptions
  /** Made already: what is too much is made less, and no reason to refuse. */
  readonly exists: boolean
}

/** Asked of the cluster where a limit is set and nothing is asked for: it would ask for as much as the limit otherwise. */
const MODEST = { cpu: '100m', memory: '256Mi' } as const
/** What the volume of a workspace has unless it is told otherwise. */
const USUAL_STORAGE = '10Gi'

const words: Readonly<Record<Kind, string>> = { cpu: 'CPU', memory: 'memory', storage: 'storage' }

interface Strictest {
  readonly amount: string
  readonly by: LoadedPolicy
}

/** The lowest of what policies allow, and which of them that is. */
export function strictest(policies: readonly LoadedPolicy[], kind: Kind): Strictest | undefined {
  let found: Strictest | undefined
  for (const by of policies) {
    const amount = by.policy.spec.resources?.max?.[kind]
    if (amount !== undefined && (!found || isMore(found.amount, amount))) found = { amount, by }
  }
  return found
}

/** The last policy's default, no higher than what is allowed. */
function defaultOf(
  policies: readonly LoadedPolicy[],
  kind: Kind,
  max: Strictest | undefined,
): Strictest | undefined {
  const by = policies.findLast(({ policy }) => policy.spec.resources?.default?.[kind] !== undefined)
  const amount = by?.policy.spec.resources?.default?.[kind]
  if (!by || amount === undefined) return undefined
  return max && isMore(amount, max.amount) ? max : { amount, by }
}

export const shown = (kind: Kind, amount: string) =>
  kind === 'cpu' ? `${amount} CPU${amount === '1' ? '' : 's'}` : `${amount} of ${words[kind]}`

export const shownBytes = (bytes: number) => `${Math.round((bytes / 2 ** 30) * 10) / 10}Gi`

/** Amounts of a workspace as policies have them: what is to be asked of a cluster, and what an engine is told. */
export function applyResources(
  policies: readonly LoadedPolicy[],
  request: ResourceRequest,
  findings: Findings,
): { readonly kubernetes: KubernetesOptions; readonly limits: ContainerLimits } {
  checkRequirements(policies, request, findings)
  if (request.target === 'docker') return { kubernetes: request.asked, limits: ofEngine(policies, findings) }
  const requests = { ...request.asked.requests }
  const limits = { ...request.asked.limits }
  for (const kind of ['cpu', 'memory'] as const) {
    const max = strictest(policies, kind)
    const usual = defaultOf(policies, kind, max)
    const standing = request.standing.requests?.[kind]
    if (usual && requests[kind] === undefined && standing === undefined) {
      requests[kind] = usual.amount
      findings.explain(usual.by, `Asks for ${shown(kind, usual.amount)}, the team’s default`)
    }
    if (!max) continue
    for (const [name, own, base] of [
      ['requests', requests, request.standing.requests],
      ['limits', limits, request.standing.limits],
    ] as const) {
      const amount = own[kind] ?? base?.[kind]
      if (amount === undefined) {
        own[kind] =
          name === 'limits' ? max.amount : isMore(MODEST[kind], max.amount) ? max.amount : MODEST[kind]
        if (name === 'limits') findings.explain(max.by, `Limited to ${shown(kind, max.amount)}`)
      } else if (isMore(amount, max.amount)) {
        if (own[kind] !== undefined && !request.exists) tooMuch(max, kind, amount, findings)
        own[kind] = max.amount
        if (request.exists || base?.[kind] === amount)
          findings.explain(max.by, `Limited to ${shown(kind, max.amount)}, and not ${amount}`)
      }
    }
  }
  const storage = storageOf(policies, request, findings)
  return {
    kubernetes: {
      ...request.asked,
      ...(Object.keys(requests).length > 0 && { requests }),
      ...(Object.keys(limits).length > 0 && { limits }),
      ...(storage !== undefined && { storage }),
    },
    limits: {},
  }
}

function storageOf(
  policies: readonly LoadedPolicy[],
  { asked, standing, exists }: ResourceRequest,
  findings: Findings,
): string | undefined {
  // A volume never shrinks.
  if (exists) return undefined
  const max = strictest(policies, 'storage')
  const usual = defaultOf(policies, 'storage', max)
  if (asked.storage !== undefined) {
    if (max && isMore(asked.storage, max.amount)) tooMuch(max, 'storage', asked.storage, findings)
    return asked.storage
  }
  const wanted = standing.storage ?? usual?.amount ?? USUAL_STORAGE
  if (max && isMore(wanted, max.amount)) {
    findings.explain(max.by, `Limited to ${shown('storage', max.amount)}, and not ${wanted}`)
    return max.amount
  }
  if (standing.storage === undefined && usual) {
    findings.explain(usual.by, `Gets ${shown('storage', usual.amount)}, the team’s default`)
    return usual.amount
  }
  return undefined
}

/** Whether a volume may be made so large. */
export function checkStorage(policies: readonly LoadedPolicy[], storage: string, findings: Findings): void {
  const max = strictest(policies, 'storage')
  if (max && isMore(storage, max.amount)) tooMuch(max, 'storage', storage, findings)
}

function tooMuch({ amount, by }: Strictest, kind: Kind, wanted: string, findings: Findings): void {
  findings.violate(by, ['spec', 'resources', 'max', kind], {
    title: `${wanted} is more ${words[kind]} than is allowed`,
    cause: `At most ${shown(kind, amount)} is allowed for a workspace.`,
    allowed: `Ask for ${amount} or less.`,
  })
}

function ofEngine(policies: readonly LoadedPolicy[], findings: Findings): ContainerLimits {
  const limits: { cpu?: number; memory?: number } = {}
  for (const kind of ['cpu', 'memory'] as const) {
    const max = strictest(policies, kind)
    if (!max) continue
    limits[kind] = quantityOf(max.amount)
    findings.explain(max.by, `Limited to ${shown(kind, max.amount)}`)
  }
  const storage = strictest(policies, 'storage')
  if (storage)
    findings.explain(
      storage.by,
      `The limit of ${shown('storage', storage.amount)} is not applied: a Docker engine’s volumes have no size`,
    )
  return limits
}

/** What a definition says that it needs at least. */
function checkRequirements(
  policies: readonly LoadedPolicy[],
  { definition, target }: ResourceRequest,
  findings: Findings,
) {
  const needs = definition?.hostRequirements
  if (!needs) return
  const wanted: readonly (readonly [Kind, number | undefined])[] = [
    ['cpu', needs.cpus],
    ['memory', needs.memory],
    ['storage', target === 'kubernetes' ? needs.storage : undefined],
  ]
  for (const [kind, least] of wanted) {
    const max = strictest(policies, kind)
    if (least === undefined || !max || least <= quantityOf(max.amount) * (1 + 1e-9)) continue
    const text = kind === 'cpu' ? String(least) : shownBytes(least)
    findings.violate(max.by, ['spec', 'resources', 'max', kind], {
      title: `The definition needs more ${words[kind]} than is allowed`,
      cause: `Its hostRequirements want ${shown(kind, text)}, and at most ${shown(kind, max.amount)} is allowed.`,
      allowed: `Lower them to ${max.amount} or less.`,
    })
  }
}
