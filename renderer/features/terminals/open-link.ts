import { openInBrowser } from '../../lib/actions'
import { collectionStores, request } from '../../lib/engine'
import { notifyProblem } from '../../lib/notify'
import { addressOf, linkTarget } from './link-target'

/** Opens what a link in a workspace's terminal means; a port of the workspace is forwarded first if it is not yet. */
export async function openLink(workspaceId: string, text: string): Promise<void> {
  const ports = collectionStores.ports.getState().list.filter((port) => port.workspaceId === workspaceId)
  const target = linkTarget(text, ports)
  if (!target) return
  if (target.kind === 'address') return openInBrowser(target.url)
  const result = await request('ports.forward', { workspaceId, port: target.port })
  if (!result.ok) return notifyProblem(result.problem)
  return openInBrowser(addressOf(result.value, new URL(text).protocol, target.rest))
}
