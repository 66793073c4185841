import { DOCKER_RESOLVER, type ListeningSocket, type ProcessFacts } from '../listening-table'
import { SshProtocolError } from '../ssh/connection'

/** One listener as the agent tells it (PROTOCOL.md, `ports@berth.dev`); what is not known is absent. */
interface Told {
  readonly kind?: unknown
  readonly inode?: unknown
  readonly address?: unknown
  readonly port?: unknown
  readonly user?: unknown
  readonly uid?: unknown
  readonly pid?: unknown
  readonly process?: unknown
  readonly command?: unknown
}

/** What listens on TCP, and what is known of who does. */
export interface AgentTable {
  readonly sockets: readonly ListeningSocket[]
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
  const owners = new Map<string, ProcessFacts>()
  const users = new Map<number, string>()
  for (const told of table as (Told | null)[]) {
    const { address, command, inode, kind, pid, port, process: name, uid, user } = told ?? {}
    if (kind !== 'tcp4' && kind !== 'tcp6') continue
    if (typeof address !== 'string' || typeof inode !== 'string' || typeof uid !== 'number') continue
    if (typeof port !== 'number' || !(port > 0 && port < 65_536) || address === DOCKER_RESOLVER) continue
    sockets.push({ address, inode, port, uid })
    if (typeof user === 'string') users.set(uid, user)
    if (typeof pid === 'number' && typeof name === 'string')
      owners.set(inode, { pid, name, command: typeof command === 'string' ? command : name })
  }
  return { sockets, owners, users }
}
