import type { Definition, Listener, OnAutoForward, PortAttributes } from '#contract'
import { fitsPattern } from './pattern'

/** What Berth does with a port, from what the definition says and what is known of the port itself. */
export interface EffectiveAttributes {
  readonly label?: string
  readonly protocol: 'http' | 'https' | 'tcp'
  readonly onAutoForward: OnAutoForward
  readonly requireLocalPort: boolean
  /** The definition speaks of this port. */
  readonly declared: boolean
}

/** Where Linux begins to take ports at random (net.ipv4.ip_local_port_range): seldom one that a person asked for. */
export const FIRST_EPHEMERAL = 32768

/** Of one definition; people write one or two. */
const MOST_PATTERNS = 50

/** Ports of IANA's registry whose protocols are not HTTP and that developers run. */
const TCP_PORTS: ReadonlySet<number> = new Set([
  21, 22, 23, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2181, 2375, 2379, 3306, 3389,
  4222, 5005, 5432, 5433, 5672, 5900, 6379, 6380, 8883, 9042, 9092, 9229, 11211, 26257, 27017, 33060,
])
const TCP_PROGRAMS =
  /^(?:postgres|mysqld|mariadbd|redis-server|valkey-server|mongod|sshd|memcached|beam\.smp|etcd|dropbear)$/

/** The definition's entry for a port: by number first, then by range, then by a pattern on the command line. */
export function attributesOf(
  definition: Pick<Definition, 'portsAttributes' | 'otherPortsAttributes' | 'forwardPorts'>,
  port: number,
  listeners: readonly Listener[],
): EffectiveAttributes {
  const found = findAttributes(definition.portsAttributes, port, listeners)
  const declared = found !== undefined || definition.forwardPorts.includes(port)
  const attributes: PortAttributes = found ?? (declared ? {} : (definition.otherPortsAttributes ?? {}))
  const tcp =
    TCP_PORTS.has(port) || listeners.some((listener) => TCP_PROGRAMS.test(listener.process?.name ?? ''))
  const quiet = !declared && (tcp || port >= FIRST_EPHEMERAL)
  const label = attributes.label ?? containerOf(listeners)
  return {
    ...(label ? { label } : {}),
    protocol: attributes.protocol ?? (tcp ? 'tcp' : 'http'),
    onAutoForward: attributes.onAutoForward ?? (quiet ? 'silent' : 'notify'),
    requireLocalPort: attributes.requireLocalPort ?? false,
    declared,
  }
}

/** Docker that runs in a workspace publishes a container's port by a process whose arguments say which one it is. */
function containerOf(listeners: readonly Listener[]): string | undefined {
  const proxy = listeners.find(({ process }) => process?.name === 'docker-proxy')?.process?.command ?? ''
  const [, address, port] = /-container-ip (\S+) -container-port (\d+)/.exec(proxy) ?? []
  return address && port ? `Container ${address}, port ${port}` : undefined
}

function findAttributes(
  all: Readonly<Record<string, PortAttributes>>,
  port: number,
  listeners: readonly Listener[],
): PortAttributes | undefined {
  const exact = all[String(port)]
  if (exact) return exact
  const entries = Object.entries(all)
  for (const [key, attributes] of entries) {
    const range = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(key)
    if (range && port >= Number(range[1]) && port <= Number(range[2])) return attributes
    const host = /^(?:localhost|127\.0\.0\.1):(\d+)$/.exec(key)
    if (host && port === Number(host[1])) return attributes
  }
  const patterns = entries.filter(([key]) => !/^[\s\d-]+$/.test(key)).slice(0, MOST_PATTERNS)
  for (const [key, attributes] of patterns) {
    if (listeners.some((listener) => fitsPattern(key, listener.process?.command ?? ''))) return attributes
  }
  return undefined
}
