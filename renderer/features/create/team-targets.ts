import type { Target } from '#contract'
import { policiesWithout, policyDefaults } from '#contract/policy-places'
import { useCollection } from '../../lib/hooks'

export interface TeamTargets {
  /** The one that the team would have, where the user has none. */
  readonly preferred: Target | undefined
  /** Why a target is not offered, to be put behind its name; empty where it is. */
  reason(target: Target): string
}

/** Which targets the team offers. */
export function useTeamTargets(targets: readonly Target[]): TeamTargets {
  const policies = useCollection('policies')
  const [first] = policyDefaults(
    policies,
    targets.map(({ id }) => id),
  )
  return {
    preferred: targets.find(({ id }) => id === first),
    reason: ({ id }) => {
      const [by] = policiesWithout(policies, id)
      return by === undefined ? '' : ` (not offered by the team policy ${by})`
    },
  }
}
