import { type Listener, type OtherListener, ProblemError, type Workspace } from '#contract'
import { attributesOf } from '../../main/engine/ports/attributes'
import type { ServedPort } from '../../main/engine/ports/router/directory'
import { commandName } from '../command-name'
import type { PortDocument, PortsDocument } from '../documents'
import type { CommandContext } from '../execute'
import { findWorkspace, requireRunning } from '../select'
import { servedPortsOf } from '../served'
import { table } from '../text'
import { briefWorkspace } from '../workspace-document'

/**
 * `berth ports`: what listens in a workspace, and where a Berth process that runs already serves it. Opens nothing: an
 * address of this process would be gone before anyone could use it.
 */
export async function ports(context: CommandContext, text: string): Promise<undefined> {
  const engine = await context.engine()
  const workspace = await findWorkspace(engine, text, context.signal)
  requireRunning(workspace)
  let listeners: readonly Listener[] = []
  let others: readonly OtherListener[] = []
  for await (const seen of engine.links.get(workspace.id).listeners(context.signal)) {
    if (!seen.available && seen.problem) throw new ProblemError(seen.problem)
    if (!seen.available) continue
    ;({ listeners, others } = seen)
    break
  }
  context.signal.throwIfAborted()
  const documents = portDocuments(workspace, listeners, await servedPortsOf(workspace))
  if (context.json) {
    context.document({
      workspace: briefWorkspace(workspace),
      ports: documents,
      others: others.map(({ kind, address, process: owner }) => ({
        kind,
        address,
        process: processDocument(owner),
      })),
    } satisfies PortsDocument)
    return
  }
  if (documents.length === 0) context.say(`Nothing listens in ${workspace.name} that could be forwarded.`)
  else printPorts(context, documents)
  if (others.length > 0)
    context.print(
      table(
        ['ALSO LISTENING', 'PROCESS', 'BOUND TO'],
        others.map(({ kind, address, process: owner }) => [
          kind === 'udp' ? 'UDP' : 'unix socket',
          owner?.name ?? '',
          address,
        ]),
      ),
    )
  if (documents.some(({ state, url }) => state === 'live' && url === null))
    context.say(`To open one: ${commandName()} serve ${workspace.name}`)
}

function printPorts(context: CommandContext, documents: readonly PortDocument[]): void {
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
}

const processDocument = (owner: Listener['process']) =>
  owner ? { pid: owner.pid, name: owner.name, command: owner.command } : null

/** Addresses that a connection to localhost arrives at. */
const local = new Set(['127.0.0.1', '0.0.0.0', '::1', '::'])

/** What listens, and what the definition wants forwarded, in the order of their numbers. */
export function portDocuments(
  workspace: Workspace,
  listeners: readonly Listener[],
  served: ReadonlyMap<number, ServedPort>,
): PortDocument[] {
  const numbers = new Set([...workspace.definition.forwardPorts, ...listeners.map(({ port }) => port)])
  return [...numbers]
    .sort((left, right) => left - right)
    .map((port) => {
      const own = listeners.filter((listener) => listener.port === port)
      const attributes = attributesOf(workspace.definition, port, own)
      const process_ = own.find(({ process: owner }) => owner)?.process
      const reachable = own.some(({ address }) => local.has(address))
      return {
        port,
        state: own.length === 0 ? 'not-listening' : reachable ? 'live' : 'failed',
        protocol: attributes.protocol,
        label: attributes.label ?? null,
        process: processDocument(process_),
        addresses: [...new Set(own.map(({ address }) => address))],
        local: served.get(port)?.local ?? null,
        url: served.get(port)?.url ?? null,
        problem:
          own.length === 0 || reachable
            ? null
            : {
                code: 'port-refused',
                title: `Port ${port} does not listen on localhost`,
                cause: `It listens on ${own.map(({ address }) => address).join(', ')} only.`,
                remedy: 'Let the app listen on 127.0.0.1 or on all addresses (0.0.0.0).',
              },
      }
    })
}
