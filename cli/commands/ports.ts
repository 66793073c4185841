import { type Port, ProblemError, problem } from '#contract'
import { Selection } from '../../main/engine/platform/collection'
import type { PortDocument, PortsDocument } from '../documents'
import type { CommandContext } from '../execute'
import { findWorkspace } from '../select'
import { servedAddresses } from '../served'
import { table } from '../text'
import { briefWorkspace } from '../workspace-document'

/** `berth ports`: what listens in a workspace, and where a Berth process that runs already serves it. */
export async function ports(context: CommandContext, text: string): Promise<undefined> {
  const followed = new Selection()
  // This process only looks: an address that it opened would be gone before anyone could use it.
  const engine = await context.engine({ followPorts: followed, autoForward: false })
  const workspace = await findWorkspace(engine, text, context.signal)
  if (workspace.state !== 'running') {
    throw problem({
      code: 'workspace-not-running',
      title: `${workspace.name} is ${workspace.state}`,
      cause: 'Nothing listens in a workspace that does not run.',
      remedy: `Start it with \`berth start ${workspace.name}\`.`,
    })
  }
  followed.add(workspace.id)
  const listening = new Set<number>()
  for await (const seen of engine.links.get(workspace.id).listeners(context.signal)) {
    if (!seen.available && seen.problem) throw new ProblemError(seen.problem)
    if (!seen.available) continue
    for (const { port } of seen.listeners) listening.add(port)
    break
  }
  const list = engine.collections.ports
    .list()
    .filter(({ workspaceId }) => workspaceId === workspace.id)
    .sort((left, right) => left.port - right.port)
  const documents = await Promise.all(
    list.map(async (port) => portDocument(port, await servedAddresses(engine, workspace, port.port))),
  )
  if (context.json) {
    context.document({ workspace: briefWorkspace(workspace), ports: documents } satisfies PortsDocument)
    return
  }
  if (documents.length === 0) {
    context.say(`Nothing listens in ${workspace.name}.`)
    return
  }
  context.print(
    table(
      ['PORT', 'STATE', 'PROCESS', 'BOUND TO', 'LABEL', 'URL'],
      documents.map((port) => [
        String(port.port),
        port.state,
        port.process?.name ?? '',
        port.addresses.join(' '),
        port.label ?? '',
        port.url ?? '',
      ]),
    ),
  )
  if (documents.some(({ state, url }) => state === 'live' && url === null))
    context.say(`To open one: berth serve ${workspace.name}`)
}

function portDocument(port: Port, served: { url: string | null }): PortDocument {
  const process_ = port.listeners.find(({ process: owner }) => owner)?.process
  return {
    port: port.port,
    state: port.state,
    protocol: port.protocol,
    label: port.label ?? null,
    process: process_ ? { pid: process_.pid, name: process_.name, command: process_.command } : null,
    addresses: [...new Set(port.listeners.map(({ address }) => address))],
    local: null,
    url: served.url,
    problem: port.problem ?? null,
  }
}
