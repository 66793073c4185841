import { useEffect, useState } from 'react'
import type { Right } from '#contract'
import { RightsConsent } from '../../lib/rights-consent'
import type { Previewed } from './use-preview'

/** What the user says to the rights that the definition asks for. */
export interface ChosenRights {
  /** As the definition's files ask for them; what Features and the image ask for shows when they are fetched. */
  readonly rights: readonly Right[]
  readonly isAllowed: boolean
  readonly setAllowed: (isAllowed: boolean) => void
  /** For another source nothing has been allowed. */
  readonly reset: () => void
}

/**
 * A yes holds for the list that was read, and for no other. `initially`: it was allowed before. `ofCluster`: whether the
 * target is a cluster; objects of one are not asked about elsewhere.
 */
export function useRightsChoice(
  preview: Previewed | undefined,
  initially: boolean,
  ofCluster: boolean,
): ChosenRights {
  // While it is asked again, what was read stays in view.
  const [rights, setRights] = useState<readonly Right[]>([])
  const [allowed, setAllowed] = useState<string | undefined>()
  const [isRepeated, setRepeated] = useState(initially)
  const key = JSON.stringify(rights)
  useEffect(() => {
    if (!preview) return
    const asked = preview.definition.container?.rights ?? []
    const found = asked.filter(({ kind }) => ofCluster || kind !== 'clusterObject')
    setRights(found)
    if (isRepeated) setAllowed(JSON.stringify(found))
    setRepeated(false)
  }, [preview, isRepeated, ofCluster])
  return {
    rights,
    isAllowed: allowed === key,
    setAllowed: (isAllowed) => setAllowed(isAllowed ? key : undefined),
    reset: () => {
      setRights([])
      setAllowed(undefined)
      setRepeated(false)
    },
  }
}

interface RightsChoiceProps {
  readonly choice: ChosenRights
  /** Whether rarer choices are shown: that of a definition which asks for nothing itself is one. */
  readonly more: boolean
}

/** Lists what the definition asks for of power over the machine, and lets the user allow it. */
export function RightsChoice({ choice, more }: RightsChoiceProps) {
  const { rights, isAllowed, setAllowed } = choice
  if (rights.length === 0 && !more && !isAllowed) return null
  return (
    <RightsConsent
      title={titleOf(rights)}
      label={
        rights.length > 0
          ? 'Allow this, and what its Features and image ask for of that kind'
          : 'Allow what its Features and image ask for'
      }
      description="Otherwise it is made without. You can allow it later, when you rebuild it."
      rights={rights}
      isAllowed={isAllowed}
      onChange={setAllowed}
    />
  )
}

/** What is asked for, as a whole. */
function titleOf(rights: readonly Right[]): string {
  const objects = rights.filter(({ kind }) => kind === 'clusterObject').length
  if (rights.length === 0) return 'Power over the machine that runs the workspace'
  if (objects === rights.length) return 'The definition asks for objects of the cluster beside the workspace'
  const power = 'The definition asks for power over the machine that runs the workspace'
  return objects > 0 ? `${power}, and for objects of the cluster` : power
}
