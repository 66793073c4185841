import { create } from 'zustand'
import type { Session, TabArrangement } from '#contract'
import { request } from '../../lib/engine'
import { useRecord } from '../../lib/hooks'

/** How this window has its terminals since it was opened, by workspace; the engine remembers it for the next one. */
export const useArrangement = create<ReadonlyMap<string, Partial<Arrangement>>>(() => new Map())

export type Arrangement = Pick<TabArrangement, 'front' | 'order'>

/** What this window has changed, on what the one before it left. */
export function useTabs(workspaceId: string): Partial<Arrangement> {
  const left = useRecord('arrangements', workspaceId)
  const own = useArrangement((state) => state.get(workspaceId))
  return { ...left, ...own }
}

export function bringToFront(workspaceId: string, sessionId: string): void {
  change(workspaceId, { front: sessionId })
}

/** Shown at once. That it cannot be remembered is no reason to disturb anybody. */
function change(workspaceId: string, changed: Partial<Arrangement>): void {
  useArrangement.setState(
    (state) => new Map(state).set(workspaceId, { ...state.get(workspaceId), ...changed }),
    true,
  )
  void request('sessions.arrange', { workspaceId, ...changed })
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
  change(workspaceId, { order: ids })
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
