import { useEffect } from 'react'
import { useCollection, useRecord, useSettings } from '../../lib/hooks'
import { perform, useAsked } from '../../lib/lifecycle'
import { RenameDialog } from './rename-dialog'
import { SurvivalDialog } from './survival-dialog'
import { losesWork } from './words'

function close(): void {
  useAsked.setState({ asked: undefined })
}

/** Shows the question that is open about a workspace, wherever in the window it was asked. */
export function LifecycleDialogs() {
  const asked = useAsked((state) => state.asked)
  const workspace = useRecord('workspaces', asked?.workspaceId)
  const confirm = useSettings()?.confirm ?? 'always'
  const sessions = useCollection('sessions')
  const ports = useCollection('ports')
  const gone = asked !== undefined && workspace === undefined
  useEffect(() => {
    if (gone) close()
  }, [gone])
  const id = asked?.workspaceId
  const harmless =
    asked !== undefined &&
    workspace !== undefined &&
    confirm === 'when-lossy' &&
    asked.verb !== 'start' &&
    asked.verb !== 'rename' &&
    !losesWork(asked.verb, {
      state: workspace.state,
      terminals: sessions.filter((one) => one.workspaceId === id && one.state !== 'ended').length,
      livePorts: ports.filter((one) => one.workspaceId === id && one.state === 'live').length,
    })
  useEffect(() => {
    if (!harmless) return
    close()
    void perform(asked.verb, asked.workspaceId)
  }, [harmless, asked])
  if (harmless) return null
  if (!asked || !workspace || asked.verb === 'start') return null
  if (asked.verb === 'rename') return <RenameDialog workspace={workspace} onClose={close} />
  return (
    <SurvivalDialog
      key={`${asked.verb} ${workspace.id}`}
      workspace={workspace}
      verb={asked.verb}
      onClose={close}
    />
  )
}
