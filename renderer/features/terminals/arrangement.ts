import { create } from 'zustand'
import type { Session } from '#contract'

interface Arrangement {
  /** The tab in front, by workspace. */
  readonly front: ReadonlyMap<string, string>
  /** Tabs that the user moved, by workspace: session ids from left to right. */
  readonly order: ReadonlyMap<string, readonly string[]>
}

/** Where the arrangement outlives a reload of the window. Its form is this file's alone. */
const KEY = 'berth.tabs'
/** Workspaces whose arrangement is remembered: those that were touched last. */
const REMEMBERED = 100

/** How this window has its terminals; the sessions themselves belong to the engine. */
export const useArrangement = create<Arrangement>(() => read(storage()?.getItem(KEY)))

useArrangement.subscribe(({ front, order }) => {
  const stored = { front: [...front].slice(-REMEMBERED), order: [...order].slice(-REMEMBERED) }
  storage()?.setItem(KEY, JSON.stringify(stored))
})

/** Absent where there is no window. */
function storage(): Storage | undefined {
  return typeof window === 'undefined' ? undefined : window.localStorage
}

/** What an earlier window left; nothing where it cannot be understood. */
export function read(stored: string | null | undefined): Arrangement {
  try {
    const { front, order } = JSON.parse(stored ?? '{}')
    const lists = new Map<string, readonly string[]>(order ?? [])
    if (![...lists.values()].every(Array.isArray)) throw new Error('Not an order of tabs')
    return { front: new Map(front ?? []), order: lists }
  } catch {
    return { front: new Map(), order: new Map() }
  }
}

export function bringToFront(workspaceId: string, sessionId: string): void {
  useArrangement.setState(({ front }) => ({ front: latest(front, workspaceId, sessionId) }))
}

/** With one entry changed, which comes last. */
function latest<T>(map: ReadonlyMap<string, T>, key: string, value: T): ReadonlyMap<string, T> {
  const copy = new Map(map)
  copy.delete(key)
  return copy.set(key, value)
}

/** A workspace's sessions from left to right: as the user put them, new ones last. */
export function arrange(sessions: readonly Session[], order: readonly string[] = []): readonly Session[] {
  const place = (session: Session) => {
    const index = order.indexOf(session.id)
    return index < 0 ? order.length : index
  }
  return [...sessions].sort((a, b) => place(a) - place(b) || a.createdAt - b.createdAt)
}

/** Puts one tab before another, or last. */
export function moveTab(
  workspaceId: string,
  sessions: readonly Session[],
  moved: string,
  before: string | undefined,
): void {
  if (moved === before) return
  const ids = sessions.map(({ id }) => id).filter((id) => id !== moved)
  const at = before === undefined ? ids.length : ids.indexOf(before)
  ids.splice(at < 0 ? ids.length : at, 0, moved)
  useArrangement.setState(({ order }) => ({ order: latest(order, workspaceId, ids) }))
}

/** Which tab is in front: the chosen one; where it is gone, the one that took its place. */
export function frontOf(
  sessions: readonly Session[],
  chosen: string | undefined,
  lastIndex: number,
): Session | undefined {
  return (
    sessions.find(({ id }) => id === chosen) ??
    sessions[Math.min(Math.max(lastIndex, 0), sessions.length - 1)]
  )
}
