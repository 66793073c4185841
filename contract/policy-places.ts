import type { PolicyRecord, PolicyRepository, PolicyTarget } from './policy'

/** For a record's id and for the cache. */
export const policyRepositoryId = ({ url, path = 'berth.yaml', branch }: PolicyRepository) =>
  `repository:${url}${branch === undefined ? '' : `#${branch}`}:${path}`

/** Whether a policy's entry means a target, by the target's id. */
export function isPolicyTarget(entry: PolicyTarget, targetId: string): boolean {
  if ('docker' in entry) return targetId === `docker:${entry.docker}`
  const { context, namespace = '*' } = entry.kubernetes
  const begin = `kubernetes:${context}/`
  if (!targetId.startsWith(begin)) return false
  // A context's name may hold slashes; a namespace's may not.
  const rest = targetId.slice(begin.length)
  return namespace === '*' ? !rest.includes('/') : rest === namespace
}

/** Names of the policies that do not offer a target; empty: all do. */
export function policiesWithout(records: readonly PolicyRecord[], targetId: string): string[] {
  return records.flatMap(({ policy, origin }) => {
    if (!policy?.spec.targets || (origin.kind === 'cluster' && origin.targetId !== targetId)) return []
    return policy.spec.targets.some((entry) => isPolicyTarget(entry, targetId)) ? [] : [policy.metadata.name]
  })
}

/** Ids of the targets that policies would have as the default, the first policy's first. */
export function policyDefaults(records: readonly PolicyRecord[], targetIds: readonly string[]): string[] {
  return records.flatMap(({ policy, origin }) =>
    origin.kind === 'cluster'
      ? []
      : (policy?.spec.targets ?? [])
          .filter((entry) => entry.default)
          .flatMap((entry) => targetIds.filter((id) => isPolicyTarget(entry, id))),
  )
}
