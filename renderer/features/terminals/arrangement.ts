import { create } from 'zustand'
import type { Session, TabArrangement, Task } from '#contract'
import { MOST_PANES, type Pane, sessionsOf } from '#contract/pane-tree'
import { request } from '../../lib/engine'
import { useRecord } from '../../lib/hooks'
import { keepIn, type Side, splitPane } from './panes'
import { placeFresh } from './task-places'

/** How this window has its terminals since it was opened, by workspace; the engine remembers it for the next one. */
export const useArrangement = create<ReadonlyMap<string, Partial<Arrangement>>>(() => new Map())

export type Arrangement = Omit<TabArrangement, 'id'>

/** One terminal, or several that share the room. */
export interface Tab {
  /** That of its first session. */
  readonly id: string
  readonly pane: Pane
  readonly sessions: readonly string[]
}

/** What this window has changed, on what the one before it left. */
export function useTabs(workspaceId: string): Partial<Arrangement> {
  const left = useRecord('arrangements', workspaceId)
  const own = useArrangement((state) => state.get(workspaceId))
  return { ...left, ...own }
}

/** When sessions had the keyboard last, as a count: a tab that is split is come back to where it was left. */
const touched = new Map<string, number>()
let touches = 0

export function bringToFront(workspaceId: string, sessionId: string): void {
  touched.set(sessionId, ++touches)
  change(workspaceId, { front: sessionId })
}

/** Of a tab's sessions the one that had the keyboard last, else the first. */
export function recentOf({ id, sessions }: Pick<Tab, 'id' | 'sessions'>): string {
  const age = (session: string) => touched.get(session) ?? 0
  return sessions.reduce((recent, session) => (age(session) > age(recent) ? session : recent), id)
}

/** Shown at once. That it cannot be remembered is no reason to disturb anybody. */
function change(workspaceId: string, changed: Partial<Arrangement>): void {
  useArrangement.setState(
    (state) => new Map(state).set(workspaceId, { ...state.get(workspaceId), ...changed }),
    true,
  )
  void request('sessions.arrange', { workspaceId, ...changed })
}

/**
 * A workspace's tabs from left to right: as the user put them, and new ones last. Those of tasks are where the
 * definition wants them until the user puts them elsewhere.
 */
export function tabsOf(
  sessions: readonly Session[],
  { order = [], splits = [] }: Partial<Arrangement> = {},
  tasks: readonly Task[] = [],
): readonly Tab[] {
  const there = new Set(sessions.map(({ id }) => id))
  const take = (id: string) => there.delete(id)
  const arranged = [...splits, ...order].flatMap((pane) => keepIn(pane, take) ?? [])
  const places = new Map(order.map((id, place) => [id, place]))
  const placeOf = (pane: Pane) => Math.min(...sessionsOf(pane).map((id) => places.get(id) ?? order.length))
  arranged.sort((one, two) => placeOf(one) - placeOf(two))
  const fresh = sessions.filter(({ id }) => there.has(id))
  return placeFresh(arranged, fresh, sessions, tasks).map(tabOf)
}

function tabOf(pane: Pane): Tab {
  const sessions = sessionsOf(pane)
  return { id: sessions[0] ?? '', pane, sessions }
}

/** Has all tabs of a workspace as they are here. */
export function keepTabs(workspaceId: string, tabs: readonly Pick<Tab, 'pane'>[]): void {
  const panes = tabs.map(({ pane }) => pane)
  change(workspaceId, {
    order: panes.flatMap(sessionsOf),
    splits: panes.filter((pane) => typeof pane !== 'string'),
  })
}

/** Puts one tab before another, or last. */
export function moveTab(
  workspaceId: string,
  tabs: readonly Tab[],
  moved: string,
  before: string | undefined,
): void {
  const tab = tabs.find(({ id }) => id === moved)
  if (!tab || moved === before) return
  const others = tabs.filter(({ id }) => id !== moved)
  const at = others.findIndex(({ id }) => id === before)
  keepTabs(workspaceId, others.toSpliced(at < 0 ? others.length : at, 0, tab))
}

/** Has one tab's terminals otherwise. */
export function changeTab(workspaceId: string, tabs: readonly Tab[], tabId: string, pane: Pane): void {
  keepTabs(
    workspaceId,
    tabs.map((tab) => (tab.id === tabId ? { pane } : tab)),
  )
}

/** Whether a tab takes one terminal more. */
export const hasRoom = (tab: Tab | undefined): boolean =>
  tab !== undefined && tab.sessions.length < MOST_PANES

/** The tabs without one session. */
function without(tabs: readonly Tab[], session: string): readonly Tab[] {
  return tabs.flatMap(({ pane }) => {
    const kept = keepIn(pane, (id) => id !== session)
    return kept === undefined ? [] : [tabOf(kept)]
  })
}

/** Puts a session on one side of another, into its tab; last where that is not there any more or has no room. */
export function putBeside(
  workspaceId: string,
  tabs: readonly Tab[],
  { session, beside, side }: { readonly session: string; readonly beside: string; readonly side: Side },
): void {
  const others = without(tabs, session)
  const host = others.find(({ sessions }) => sessions.includes(beside))
  keepTabs(
    workspaceId,
    host && hasRoom(host)
      ? others.map((tab) => (tab === host ? { pane: splitPane(tab.pane, beside, session, side) } : tab))
      : [...others, { pane: session }],
  )
}

/** Gives a session of a split tab a tab of its own, behind that one. */
export function moveOut(workspaceId: string, tabs: readonly Tab[], session: string): void {
  const host = tabs.findIndex(({ sessions }) => sessions.includes(session) && sessions.length > 1)
  if (host >= 0) keepTabs(workspaceId, without(tabs, session).toSpliced(host + 1, 0, tabOf(session)))
}

/** What was in front when the window last knew it. */
export interface Front {
  readonly session: string
  readonly tab: Tab
  /** Of the tab. */
  readonly index: number
}

/**
 * Which session is in front, with its tab: the chosen one; where it is gone, one that it shared a tab with, else the tab
 * that took its place.
 */
export function frontOf(
  tabs: readonly Tab[],
  chosen: string | undefined,
  last: Front | undefined,
): Front | undefined {
  const found = (session: string | undefined): Front | undefined => {
    const index = tabs.findIndex(({ sessions }) => session !== undefined && sessions.includes(session))
    const tab = tabs[index]
    return tab && session !== undefined ? { session, tab, index } : undefined
  }
  const kept = found(chosen) ?? found(last?.session)
  if (kept) return kept
  const sessions = last?.tab.sessions ?? []
  const at = sessions.indexOf(last?.session ?? '')
  for (const session of [...sessions.slice(at + 1), ...sessions.slice(0, Math.max(at, 0)).reverse()]) {
    const near = found(session)
    if (near) return near
  }
  const index = Math.min(last?.index ?? 0, tabs.length - 1)
  const tab = tabs[index]
  return tab && { session: recentOf(tab), tab, index }
}
