import { useEffect } from 'react'
import { useRecord } from '../../lib/hooks'
import { useAsked } from '../../lib/lifecycle'
import { GrowDialog } from './grow-dialog'
import { RenameDialog } from './rename-dialog'
import { SurvivalDialog } from './survival-dialog'

function close(): void {
  useAsked.setState({ asked: undefined })
}

/** Shows the question that is open about a workspace, wherever in the window it was asked. */
export function LifecycleDialogs() {
  const asked = useAsked((state) => state.asked)
  const workspace = useRecord('workspaces', asked?.workspaceId)
  const gone = asked !== undefined && workspace === undefined
  useEffect(() => {
    if (gone) close()
  }, [gone])
  if (!asked || !workspace || asked.verb === 'start') return null
  if (asked.verb === 'rename') return <RenameDialog workspace={workspace} onClose={close} />
  if (asked.verb === 'grow') return <GrowDialog workspace={workspace} onClose={close} />
  return (
    <SurvivalDialog
      key={`${asked.verb} ${workspace.id}`}
      workspace={workspace}
      verb={asked.verb}
      onClose={close}
    />
  )
}
