import { DOCKER_RESOLVER, type ListeningSocket, type ProcessFacts, plainAddress } from '../listening-table'
import type { OtherSockets } from '../other-listeners'
import { SshProtocolError } from '../ssh/connection'

/** One listener as the agent tells it (PROTOCOL.md, `ports@berth.dev`); what is not known is absent. */
interface Told {
  readonly kind?: unknown
  readonly inode?: unknown
  readonly address?: unknown
  readonly path?: unknown
  readonly port?: unknown
  readonly user?: unknown
  readonly uid?: unknown
  readonly pid?: unknown
  readonly process?: unknown
  readonly command?: unknown
}

/** What listens, and what is known of who does. */
export interface AgentTable {
  /** Of TCP. */
  readonly sockets: readonly ListeningSocket[]
  readonly others: OtherSockets
  /** By inode. */
  readonly owners: ReadonlyMap<string, ProcessFacts>
  /** Names, by uid. */
  readonly users: ReadonlyMap<number, string>
}

/** Reads one line of the agent's. What is not understood is left out. Throws {@link SshProtocolError}. */
export function parseAgentTable(line: string): AgentTable {
  let table: unknown
  try {
    table = (JSON.parse(line) as { listeners?: unknown } | null)?.listeners
  } catch {
    throw new SshProtocolError('a table of listeners that is no JSON')
  }
  if (!Array.isArray(table)) throw new SshProtocolError('a table without listeners')
  const sockets: ListeningSocket[] = []
  const datagrams: ListeningSocket[] = []
  const paths: OtherSockets['paths'][number][] = []
  const owners = new Map<string, ProcessFacts>()
  const users = new Map<number, string>()
  for (const told of table as (Told | null)[]) {
    const { command, inode, kind, path, pid, process: name, uid, user } = told ?? {}
    if (typeof inode !== 'string') continue
    if (kind === 'unix' && typeof path === 'string')
      paths.push({ path, inode, ...(typeof uid === 'number' && { uid }) })
    else if (kind === 'tcp4' || kind === 'tcp6' || kind === 'udp4' || kind === 'udp6') {
      const socket = socketOf(told ?? {}, inode)
      if (!socket) continue
      if (kind.startsWith('tcp')) sockets.push(socket)
      else datagrams.push(socket)
    } else continue
    if (typeof uid === 'number' && typeof user === 'string') users.set(uid, user)
    if (typeof pid === 'number' && typeof name === 'string')
      owners.set(inode, { pid, name, command: typeof command === 'string' ? command : name })
  }
  return { sockets, others: { datagrams, paths }, owners, users }
}

function socketOf({ address, port, uid }: Told, inode: string): ListeningSocket | undefined {
  if (typeof address !== 'string' || typeof uid !== 'number' || address === DOCKER_RESOLVER) return undefined
  if (typeof port !== 'number' || !(port > 0 && port < 65_536)) return undefined
  return { address: plainAddress(address), inode, port, uid }
}
