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
 * Runs a command in a container. `v5.channel.k8s.io` (1.30 and later) has all that is needed and passes every proxy;
 * before that SPDY alone can end the input; where SPDY does not pass, `v4.channel.k8s.io` is what is left. A server
 * refuses a protocol before it starts the command, so that no attempt runs it twice.
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
    { name: 'websocket-v5', attempt: () => websocket('v5.channel.k8s.io') },
    {
      name: 'spdy',
      attempt: async () => {
        const session = await client.spdy(path, { query, protocols: ['v4.channel.k8s.io'], signal })
        return spdyCommand(session, terminal, signal, prologue)
      },
    },
    { name: 'websocket-v4', attempt: () => websocket('v4.channel.k8s.io') },
  ]
  return memory.first(ways, signal)
}
