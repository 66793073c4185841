import { Selection } from '../../main/engine/platform/collection'
import { attendWorkspaces, awayText } from '../attend-workspaces'
import type { AddressDocument } from '../documents'
import type { CommandContext } from '../execute'
import { exitCodes } from '../exit-codes'
import { sayOtherLocalPort, sayOtherRouterPort } from '../other-port'
import { parsePortPair } from '../port-argument'
import { problemText } from '../problem-text'
import { findWorkspace } from '../select'
import { briefWorkspace } from '../workspace-document'

/** `berth forward`: one port, until Ctrl-C. */
export async function forward(context: CommandContext, text: string, portText: string): Promise<number> {
  const ports = parsePortPair(portText)
  const followed = new Selection()
  const engine = await context.engine({ followed, autoForward: false })
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
  if (ports.localPort === undefined) sayOtherLocalPort(context, ports.port, localPort)
  if (url) sayOtherRouterPort(context, engine)
  const away = awayText(workspace)
  if (away !== undefined) context.say(away)
  const over = await attendWorkspaces(context, engine, [workspace])
  if (!over) return exitCodes.ok
  // On stderr in any case: the command's one document is out.
  context.console.stderr.write(`${problemText(over, context.console.stderrIsCapable)}\n`)
  return exitCodes.problem
}
