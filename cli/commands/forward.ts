import { Selection } from '../../main/engine/platform/collection'
import type { AddressDocument } from '../documents'
import type { CommandContext } from '../execute'
import { parsePortPair } from '../port-argument'
import { findWorkspace } from '../select'
import { untilInterrupted } from '../until-interrupted'
import { briefWorkspace } from '../workspace-document'

/** `berth forward`: one port, until Ctrl-C. */
export async function forward(context: CommandContext, text: string, portText: string): Promise<undefined> {
  const ports = parsePortPair(portText)
  const followed = new Selection()
  const engine = await context.engine({ followPorts: followed, autoForward: false })
  const workspace = await findWorkspace(engine, text, context.signal)
  followed.add(workspace.id)
  const { localPort, url } = await engine.call(
    'ports.forward',
    { workspaceId: workspace.id, ...ports },
    context.signal,
  )
  const local = `127.0.0.1:${localPort}`
  if (context.json) {
    context.document({
      workspace: briefWorkspace(workspace),
      port: ports.port,
      local,
      url: url ?? null,
    } satisfies AddressDocument)
  } else {
    context.print(url ? `${url}  ${local}` : local)
    context.say(`Forwarding port ${ports.port} of ${workspace.name} until Ctrl-C.`)
  }
  await untilInterrupted(context.signal)
}
