import { collectionStores, request } from '../../lib/engine'
import { useEngineEvent } from '../../lib/hooks'
import { useNavigation } from '../../lib/navigation'
import { notify, notifyProblem } from '../../lib/notify'

/** Tells of a workspace that will be stopped by itself soon, unless it is in view and says so itself. Used once per window. */
export function IdleNotices(): null {
  useEngineEvent('workspace.idle', ({ workspaceId, minutesLeft }) => {
    const { route } = useNavigation.getState()
    const workspace = collectionStores.workspaces.getState().records.get(workspaceId)
    if (!workspace || (route.view === 'workspace' && route.workspaceId === workspaceId)) return
    notify({
      tone: 'plain',
      title: `${workspace.name} stops in ${minutesLeft} min`,
      text: 'Nothing has happened in it.',
      action: {
        label: 'Keep for 1 hour',
        run: () => {
          void request('workspaces.keep', { workspaceId, hours: 1 }).then((result) => {
            if (!result.ok) notifyProblem(result.problem)
          })
        },
      },
    })
  })
  return null
}
