import type { Workspace } from '#contract'
import { findServedPorts, type ServedPort } from '../main/engine/ports/router/directory'
import { stateFolder } from './engine'

/** The ports of a workspace that some Berth process (the window, `berth serve`) serves just now, by port. */
export async function servedPortsOf(workspace: Workspace): Promise<ReadonlyMap<number, ServedPort>> {
  const served = await findServedPorts(stateFolder())
  return new Map(
    served.filter(({ workspaceId }) => workspaceId === workspace.id).map((each) => [each.port, each]),
  )
}
