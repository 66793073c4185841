import { openInBrowser } from '../../lib/actions'
import { collectionStores } from '../../lib/engine'
import { useEngineEvent } from '../../lib/hooks'
import { openWorkspace } from '../../lib/navigation'
import { notify } from '../../lib/notify'

/** Tells of a port that just opened, or opens it, as its definition asks. Used once per window. */
export function PortNotices(): null {
  useEngineEvent('port.opened', ({ workspaceId, port, url, onAutoForward }) => {
    const workspace = collectionStores.workspaces.getState().records.get(workspaceId)
    const record = collectionStores.ports.getState().records.get(`${workspaceId}:${port}`)
    const name = record?.label ?? record?.listeners[0]?.process?.name
    // A preview pane is not there yet; the browser is the nearest thing.
    const opens = onAutoForward !== 'notify' && url !== undefined
    if (opens) void inOneWindow(`open ${workspaceId}:${port}`, () => void openInBrowser(url))
    notify({
      tone: 'good',
      title: `${name ? `${name} on port` : 'Port'} ${port} is up in ${workspace?.name ?? 'a workspace'}`,
      text: opens ? `Opened ${url}` : (url ?? record?.forward?.localAddress ?? 'Forwarded'),
      action: url
        ? { label: opens ? 'Open again' : 'Open', run: () => void openInBrowser(url) }
        : { label: 'Show', run: () => openWorkspace(workspaceId, 'ports') },
    })
  })
  return null
}

/** For how long the other windows hold still, milliseconds: longer than an event takes to reach them all. */
const HELD = 2000

/** Every window hears of a port; one of them acts. */
async function inOneWindow(name: string, act: () => void): Promise<void> {
  await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (!lock) return
    act()
    await new Promise((resolve) => setTimeout(resolve, HELD))
  })
}
