import type { Listener } from '#contract'

/** A listening socket as the kernel tells it (Documentation/networking/proc_net_tcp in the Linux sources). */
export interface ListeningSocket {
  readonly port: number
  readonly address: string
  readonly uid: number
  readonly inode: string
}

/** States of a socket: of TCP one that listens, of UDP one that is bound and not connected. */
const LISTEN = '0A'
const UNCONNECTED = '07'
/** Docker's own resolver, in every container on a network of its own. */
export const DOCKER_RESOLVER = '127.0.0.11'

/** Reads lines of /proc/net/tcp and /proc/net/tcp6, with or without their headings. What is not understood is left out. */
export const parseListeningSockets = (lines: readonly string[]) => parseSockets(lines, LISTEN)

/** The same of /proc/net/udp and /proc/net/udp6. */
export const parseDatagramSockets = (lines: readonly string[]) => parseSockets(lines, UNCONNECTED)

function parseSockets(lines: readonly string[], state: string): readonly ListeningSocket[] {
  const sockets: ListeningSocket[] = []
  for (const line of lines) {
    const fields = line.trim().split(/\s+/)
    if (fields[3] !== state) continue
    const [hexAddress = '', hexPort = ''] = (fields[1] ?? '').split(':')
    const port = Number.parseInt(hexPort, 16)
    const address = parseAddress(hexAddress)
    const uid = Number(fields[7])
    const inode = fields[9]
    if (!address || !(port > 0) || !Number.isInteger(uid) || !inode) continue
    if (address === DOCKER_RESOLVER) continue
    sockets.push({ port, address, uid, inode })
  }
  return sockets
}

/** Each 32-bit word is in the byte order of the machine, which for every machine that Docker runs on is little-endian. */
function parseAddress(hex: string): string | undefined {
  if (!/^(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{32})$/.test(hex)) return undefined
  const bytes: number[] = []
  for (let word = 0; word < hex.length; word += 8) {
    for (let byte = 6; byte >= 0; byte -= 2)
      bytes.push(Number.parseInt(hex.slice(word + byte, word + byte + 2), 16))
  }
  if (bytes.length === 4) return bytes.join('.')
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  if (mapped) return bytes.slice(12).join('.')
  const groups: number[] = []
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0))
  return compressed(groups)
}

/** An address of IPv4 that a socket of IPv6 is bound to is written as one of IPv4, which is how it is reached. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, '')

/** RFC 5952: lower case, no leading zeros, the longest run of zeros as `::`. */
function compressed(groups: readonly number[]): string {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  if (best.length < 2) return text(groups)
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`
}

/** From `ls -ln /proc/<pid>/fd …`: which process holds which socket; the lowest pid where several do (the parent). */
export function parseSocketOwners(lines: readonly string[]): ReadonlyMap<string, number> {
  const owners = new Map<string, number>()
  let pid = 0
  for (const line of lines) {
    const heading = /^\/proc\/(\d+|self)\/fd:$/.exec(line)
    if (heading) {
      pid = Number(heading[1]) || 0
      continue
    }
    const inode = /socket:\[(\d+)\]$/.exec(line)?.[1]
    if (!inode || pid === 0) continue
    const known = owners.get(inode)
    if (known === undefined || pid < known) owners.set(inode, pid)
  }
  return owners
}

export interface ProcessFacts {
  readonly pid: number
  readonly name: string
  readonly command: string
}

/** From the answer to `process`: per process a line `pid N`, one with its name, one with its command line. */
export function parseProcesses(lines: readonly string[]): readonly ProcessFacts[] {
  const processes: ProcessFacts[] = []
  for (let at = 0; at + 2 < lines.length; at += 3) {
    const pid = Number(/^pid (\d+)$/.exec(lines[at] ?? '')?.[1])
    if (!pid) break
    const name = (lines[at + 1] ?? '').trim()
    const command = (lines[at + 2] ?? '').trim()
    // Gone since, or a thread of the kernel.
    if (name || command) processes.push({ pid, name, command: command || name })
  }
  return processes
}

/** From /etc/passwd. */
export function parseUsers(lines: readonly string[]): ReadonlyMap<number, string> {
  const users = new Map<number, string>()
  for (const line of lines) {
    const [name, , uid] = line.split(':')
    if (name && uid && /^\d+$/.test(uid) && !users.has(Number(uid))) users.set(Number(uid), name)
  }
  return users
}

const twins: Readonly<Record<string, string>> = { '::': '0.0.0.0', '::1': '127.0.0.1' }

/** Sorted, without the IPv6 twin of what listens on IPv4 under the same process, and without Berth's own helpers. */
export function toListeners(
  sockets: readonly ListeningSocket[],
  processOf: (inode: string) => ProcessFacts | undefined,
  userOf: (uid: number) => string | undefined,
  isOwn: (command: string) => boolean,
): readonly Listener[] {
  const listeners: Listener[] = []
  for (const socket of sockets) {
    const process = processOf(socket.inode)
    if (process && isOwn(process.command)) continue
    listeners.push({
      port: socket.port,
      address: socket.address,
      ...(process ? { process: { ...process, user: userOf(socket.uid) ?? String(socket.uid) } } : {}),
    })
  }
  const kept = listeners.filter((listener) => {
    const twin = twins[listener.address]
    return !listeners.some(
      (other) =>
        other.address === twin &&
        other.port === listener.port &&
        other.process?.pid === listener.process?.pid,
    )
  })
  const seen = new Set<string>()
  return kept
    .sort((one, two) => (one.process?.pid ?? 0) - (two.process?.pid ?? 0))
    .filter((listener) => {
      // SO_REUSEPORT: several sockets of one address. The first process began the others.
      const key = `${listener.address} ${listener.port}`
      if (seen.has(key)) return false
      seen.add(key)
      return true
    })
    .sort((one, two) => one.port - two.port || one.address.localeCompare(two.address))
}
