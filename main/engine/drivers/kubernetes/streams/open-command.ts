import type { ApiClient, Query } from '../api'
import type { CommandProtocol, RemoteCommand } from './command'
import type { ProtocolMemory, Way } from './protocols'
import { spdyCommand } from './spdy-command'
import { websocketCommand } from './websocket-command'
import type { WrappedCommand } from './wrapper'

/** A container of a pod. */
export interface ContainerAddress {
  readonly pod: string
  readonly container: string
}

/** Path of a subresource of a pod in the client's namespace. */
export function podPath(client: ApiClient, pod: string, subresource?: string): string {
  const { namespace } = client.identity
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`
  return subresource ? `${path}/${subresource}` : path
}

/**
 * Runs a command in a container. SPDY comes from the node as it is. A current server translates `v5.channel.k8s.io`
 * (KEP-4006) to SPDY, and tells of success where the node's word on the end got lost on the way to it: that is for
 * where SPDY does not pass. `v4.channel.k8s.io`, which cannot end the input, is what is left after it. A server refuses
 * a protocol before it starts the command, so that no attempt runs it twice.
 */
export function openCommand(
  client: ApiClient,
  memory: ProtocolMemory<CommandProtocol>,
  { pod, container }: ContainerAddress,
  { command, prologue }: WrappedCommand,
  terminal: boolean,
  signal: AbortSignal,
): Promise<RemoteCommand> {
  const path = podPath(client, pod, 'exec')
  const query: Query = { container, command, stdin: true, stdout: true, stderr: !terminal, tty: terminal }
  const websocket = async (protocol: string) =>
    websocketCommand(
      await client.websocket(path, { query, protocols: [protocol], signal }),
      terminal,
      prologue,
    )
  const ways: Way<CommandProtocol, RemoteCommand>[] = [
    {
      name: 'spdy',
      attempt: async () => {
        const session = await client.spdy(path, { query, protocols: ['v4.channel.k8s.io'], signal })
        return spdyCommand(session, terminal, signal, prologue)
      },
    },
    { name: 'websocket-v5', attempt: () => websocket('v5.channel.k8s.io') },
    { name: 'websocket-v4', attempt: () => websocket('v4.channel.k8s.io') },
  ]
  return memory.first(ways, signal)
}
