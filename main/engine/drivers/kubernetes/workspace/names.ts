import type { V1PersistentVolumeClaim } from '@kubernetes/client-node'
import { problem } from '#contract'
import { annotations, isComplete, labels } from './anatomy'

/** How a name stands among the claims of a namespace. */
export type NameClaim = 'free' | 'taken' | 'contested'

const idOf = ({ metadata }: V1PersistentVolumeClaim) => metadata?.labels?.[labels.workspace]
const nameOf = ({ metadata }: V1PersistentVolumeClaim) => metadata?.annotations?.[annotations.name]
const createdAt = ({ metadata }: V1PersistentVolumeClaim) =>
  new Date(metadata?.creationTimestamp ?? 0).getTime()

/** Whether a workspace of another id has the name. */
export function isTaken(claims: readonly V1PersistentVolumeClaim[], id: string, name: string): boolean {
  return claims.some((claim) => idOf(claim) !== id && nameOf(claim) === name)
}

/**
 * Names have no lock: two may take one at once, and both see it afterwards. The younger then withdraws. The server's
 * clock tells whole seconds; of the same second nobody is the younger, and the name is contested.
 */
export function standingOf(claims: readonly V1PersistentVolumeClaim[], id: string, name: string): NameClaim {
  const own = claims.find((claim) => idOf(claim) === id)
  const rivals = claims.filter((claim) => idOf(claim) !== id && nameOf(claim) === name)
  const mine = own ? createdAt(own) : Number.POSITIVE_INFINITY
  if (rivals.some((rival) => isComplete(rival.metadata) || createdAt(rival) < mine)) return 'taken'
  return rivals.some((rival) => createdAt(rival) === mine) ? 'contested' : 'free'
}

export function nameTaken(name: string) {
  return problem({
    code: 'name-taken',
    title: `The name "${name}" is taken`,
    cause: `There is a workspace "${name}" in this namespace already.`,
    remedy: 'Choose another name.',
  })
}
