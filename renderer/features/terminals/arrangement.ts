import { create } from 'zustand'
import type { Session } from '#contract'

interface Arrangement {
  /** The tab in front, by workspace. */
  readonly front: ReadonlyMap<string, string>
  /** Tabs that the user moved, by workspace: session ids from left to right. */
  readonly order: ReadonlyMap<string, readonly string[]>
}

/** How this window has its terminals; the sessions themselves belong to the engine. */
export const useArrangement = create<Arrangement>(() => ({ front: new Map(), order: new Map() }))

export function bringToFront(workspaceId: string, sessionId: string): void {
  useArrangement.setState(({ front }) => ({ front: new Map(front).set(workspaceId, sessionId) }))
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
  useArrangement.setState(({ order }) => ({ order: new Map(order).set(workspaceId, ids) }))
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
