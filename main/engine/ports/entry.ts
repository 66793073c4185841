import {
  type EventPayload,
  type Listener,
  type OnAutoForward,
  type Port,
  type Problem,
  problem,
  type Workspace,
} from '#contract'
import type { ListeningTable } from '../link/link'
import { FIRST_EPHEMERAL } from './attributes'
import type { ForwardServer } from './forward'

/** What Berth knows of one port of one workspace. */
export interface Entry {
  readonly port: number
  origin: Port['origin']
  listeners: readonly Listener[]
  /** Given by the user; they win over the definition's. */
  label?: string
  protocol?: Port['protocol']
  /** By hand: asks for a forward whatever the definition says. */
  manual: boolean
  /** The user ended its forward. */
  stopped: boolean
  server?: ForwardServer
  /** Actions on its forward, one after another. */
  work: Promise<unknown>
  problem?: Problem
  /** Where there is no table: what the last attempt found. */
  tried?: boolean
  seenAt: number
  lastSeen: number
  /** When something began to listen there last, and when that ended. */
  since: number
  until: number
  /** Something listened for longer than {@link LASTS}. */
  lasted: boolean
  /** A terminal of the workspace shows its number. */
  shown: boolean
  /** The run of the workspace in which something last listened there. */
  liveIn?: string
  used: boolean
  announcedIn?: string
  announcedOnce: boolean
  connections: number
  published?: string
}

export const newEntry = (port: number, origin: Port['origin'], now: number): Entry => ({
  port,
  origin,
  listeners: [],
  manual: false,
  stopped: false,
  work: Promise.resolve(),
  seenAt: now,
  lastSeen: now,
  since: now,
  until: now,
  lasted: false,
  shown: false,
  used: false,
  announcedOnce: false,
  connections: 0,
})

/** What listens for no longer than this, milliseconds, is no news: tools take a port to see whether it is free. */
export const LASTS = 1000
/** It is forgotten if it does not come back for this long, milliseconds, and nobody connects. */
export const LINGERS = 5000

/** Nothing listens there any more. */
export function silence(entry: Entry, now: number): void {
  if (entry.listeners.length === 0) return
  entry.listeners = []
  entry.until = now
  if (now - entry.since >= LASTS) entry.lasted = true
}

/** It still listens: by now for long enough, perhaps, or in a terminal. */
export function grow(entry: Entry, now: number, shows: (port: number) => boolean): void {
  if (entry.listeners.length === 0) return
  if (now - entry.since >= LASTS) entry.lasted = true
  if (isUnseen(entry)) entry.shown = shows(entry.port)
}

/** It listened for a moment, and nobody has cared. */
export const isPassing = (entry: Entry): boolean =>
  entry.origin === 'detected' && entry.listeners.length === 0 && !entry.lasted && !entry.used

/** Its number was given by the system, and was in no terminal so far. */
export const isUnseen = (entry: Entry): boolean =>
  entry.port >= FIRST_EPHEMERAL && entry.origin === 'detected' && !entry.manual && !entry.shown

/** See `doubt` of {@link Port}. */
export function doubtOf(entry: Entry, declared: boolean): Port['doubt'] {
  if (entry.origin !== 'detected' || entry.manual || declared || entry.listeners.length === 0)
    return undefined
  if (isUnseen(entry)) return 'random'
  // A process is often found a moment after its socket.
  return entry.lasted && entry.listeners.every(({ process }) => !process) ? 'no-process' : undefined
}

/** The truth about a port: what the workspace's state, its listening table and the last attempt say together. */
export function stateOf(
  entry: Entry,
  workspace: Workspace,
  table: ListeningTable | undefined,
): { state: Port['state']; problem?: Problem } {
  switch (workspace.state) {
    case 'creating':
    case 'starting':
    case 'stopping':
      return { state: 'reconnecting' }
    case 'running':
      break
    default:
      return { state: 'not-listening' }
  }
  if (entry.problem) return { state: 'failed', problem: entry.problem }
  if (!table) return { state: 'reconnecting' }
  if (!table.available) {
    if (table.problem?.code === 'no-shell') return { state: entry.tried ? 'live' : 'not-listening' }
    return { state: 'reconnecting', ...(table.problem ? { problem: table.problem } : {}) }
  }
  if (entry.listeners.length === 0) return { state: 'not-listening' }
  const unreachable = entry.listeners.every((listener) => !isLocal(listener.address))
  if (unreachable) return { state: 'failed', problem: elsewhere(entry) }
  return { state: 'live' }
}

export function groupByPort(listeners: readonly Listener[]): Map<number, Listener[]> {
  const groups = new Map<number, Listener[]>()
  for (const listener of listeners) {
    const group = groups.get(listener.port)
    if (group) group.push(listener)
    else groups.set(listener.port, [listener])
  }
  return groups
}

export function isAnnounced(value: OnAutoForward): value is EventPayload<'port.opened'>['onAutoForward'] {
  return value !== 'silent' && value !== 'ignore'
}

/** Whether a connection to localhost arrives at a socket bound to this address. */
function isLocal(address: string): boolean {
  return address === '0.0.0.0' || address === '::' || address === '::1' || address === '127.0.0.1'
}

function elsewhere(entry: Entry): Problem {
  const addresses = entry.listeners.map((listener) => listener.address).join(', ')
  return {
    code: 'port-refused',
    title: `Port ${entry.port} does not listen on localhost`,
    cause: `It listens on ${addresses} only.`,
    remedy: 'Let the app listen on 127.0.0.1 or on all addresses (0.0.0.0).',
  }
}

export function notKnown(port: number) {
  return problem({
    code: 'not-found',
    title: `Port ${port} is not known`,
    cause: `Nothing listens on port ${port} of this workspace, and it is not forwarded.`,
    remedy: 'Start the app in the workspace, or forward the port by hand.',
  })
}
