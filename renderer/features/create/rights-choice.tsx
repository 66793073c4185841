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

/** A yes holds for the list that was read, and for no other. `initially`: it was allowed before. */
export function useRightsChoice(preview: Previewed | undefined, initially: boolean): ChosenRights {
  // While it is asked again, what was read stays in view.
  const [rights, setRights] = useState<readonly Right[]>([])
  const [allowed, setAllowed] = useState<string | undefined>()
  const [isRepeated, setRepeated] = useState(initially)
  const key = JSON.stringify(rights)
  useEffect(() => {
    if (!preview) return
    const found = preview.definition.container?.rights ?? []
    setRights(found)
    if (isRepeated) setAllowed(JSON.stringify(found))
    setRepeated(false)
  }, [preview, isRepeated])
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
      title={
        rights.length > 0
          ? 'The definition asks for power over the machine that runs the workspace'
          : 'Power over the machine that runs the workspace'
      }
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
