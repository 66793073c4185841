import type { OtherListener } from '#contract'
import { type ListeningSocket, type ProcessFacts, toListeners } from './listening-table'

/** Sockets that others can send to or connect to, but not over TCP. */
export interface OtherSockets {
  /** Of UDP. */
  readonly datagrams: readonly ListeningSocket[]
  readonly paths: readonly UnixSocket[]
}

export interface UnixSocket {
  readonly path: string
  readonly inode: string
  readonly uid?: number
}

export const noOthers: OtherSockets = { datagrams: [], paths: [] }

/** Flag of a unix socket that listens, `__SO_ACCEPTCON` of the Linux sources. */
const ACCEPTS = 0x10000
/** Where Linux begins to give numbers by itself: who only sends over UDP has one of these, and looks like a server. */
const FIRST_GIVEN = 32768
/** In the path of every socket of Berth's agent, whoever started it. */
const OWN_SOCKET = /\/berth-agent-\d+\//

/** Reads lines of /proc/net/unix (proc(5)): sockets that listen and have a path. What is not understood is left out. */
export function parseUnixSockets(lines: readonly string[]): readonly UnixSocket[] {
  return lines.flatMap((line) => {
    const [, flags = '', inode = '', path = ''] =
      /^[\da-f]+: [\da-f]+ [\da-f]+ ([\da-f]{8}) [\da-f]+ [\da-f]+ +(\d+) (\/.*)$/i.exec(line) ?? []
    return (Number.parseInt(flags, 16) & ACCEPTS) !== 0 ? [{ path, inode }] : []
  })
}

/** Sorted, one for each address and path, without what is Berth's own. */
export function toOtherListeners(
  { datagrams, paths }: OtherSockets,
  processOf: (inode: string) => ProcessFacts | undefined,
  userOf: (uid: number) => string | undefined,
  isOwn: (command: string) => boolean,
): readonly OtherListener[] {
  const served = datagrams.filter(({ port }) => port < FIRST_GIVEN)
  const udp = toListeners(served, processOf, userOf, isOwn).map(
    ({ address, port, process }): OtherListener => ({
      kind: 'udp',
      address: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
      ...(process && { process }),
    }),
  )
  const unix = new Map<string, OtherListener>()
  for (const { inode, path, uid } of paths) {
    const process = processOf(inode)
    if (OWN_SOCKET.test(path) || unix.has(path)) continue
    const user = uid === undefined ? undefined : (userOf(uid) ?? String(uid))
    unix.set(path, {
      kind: 'unix',
      address: path,
      ...(process && { process: { ...process, ...(user !== undefined && { user }) } }),
    })
  }
  return [...udp, ...[...unix.values()].sort((one, two) => one.address.localeCompare(two.address))]
}
