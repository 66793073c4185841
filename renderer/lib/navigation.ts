import { create } from 'zustand'
import type { CreateInput } from '#contract'

export const workspaceTabs = ['terminals', 'ports', 'files', 'logs', 'details'] as const
export type WorkspaceTab = (typeof workspaceTabs)[number]

/** Where the window is. */
export type Route =
  | { readonly view: 'workspaces' }
  | { readonly view: 'create'; readonly text?: string; readonly asked?: CreateInput }
  | { readonly view: 'workspace'; readonly workspaceId: string; readonly tab: WorkspaceTab }
  | { readonly view: 'targets' }
  | { readonly view: 'storage' }
  | { readonly view: 'settings' }

interface Navigation {
  readonly route: Route
  readonly past: readonly Route[]
  readonly future: readonly Route[]
}

/** How many places Back remembers. */
const DEPTH = 50

/** Where the place outlives a reload. A new window begins at the list. */
const KEY = 'berth.route'

export const useNavigation = create<Navigation>(() => ({
  route: readRoute(storage()?.getItem(KEY)),
  past: [],
  future: [],
}))

useNavigation.subscribe(({ route }) => {
  // What was typed as a source is left out: it may hold a password.
  const place = route.view === 'create' ? { view: route.view } : route
  storage()?.setItem(KEY, JSON.stringify(place))
})

/** Absent where there is no window. */
function storage(): Storage | undefined {
  return typeof window === 'undefined' ? undefined : window.sessionStorage
}

/** A place as it was stored; the list where it cannot be understood. */
export function readRoute(stored: string | null | undefined): Route {
  try {
    const { view, workspaceId, tab } = JSON.parse(stored ?? '{}')
    if (view === 'create' || view === 'targets' || view === 'storage' || view === 'settings') return { view }
    if (view === 'workspace' && typeof workspaceId === 'string' && workspaceTabs.includes(tab))
      return { view, workspaceId, tab }
  } catch {
    // Not ours, or of another version.
  }
  return { view: 'workspaces' }
}

function samePlace(one: Route, other: Route): boolean {
  if (one.view === 'workspace' && other.view === 'workspace') {
    return one.workspaceId === other.workspaceId && one.tab === other.tab
  }
  if (one.view === 'create' && other.view === 'create')
    return one.text === other.text && one.asked === other.asked
  return one.view === other.view
}

export function navigate(route: Route): void {
  useNavigation.setState((now) =>
    samePlace(now.route, route) ? now : { route, past: [...now.past, now.route].slice(-DEPTH), future: [] },
  )
}

/** Goes to a workspace; to the tab where the user last was in it, unless told which. */
export function openWorkspace(workspaceId: string, tab?: WorkspaceTab): void {
  const { route, past } = useNavigation.getState()
  const last = [...past, route].findLast(
    (place) => place.view === 'workspace' && place.workspaceId === workspaceId,
  )
  navigate({
    view: 'workspace',
    workspaceId,
    tab: tab ?? (last?.view === 'workspace' ? last.tab : 'terminals'),
  })
}

/** Goes to the list, and forgets every place within a workspace that is no more. */
export function leaveWorkspace(workspaceId: string): void {
  const elsewhere = (place: Route) => place.view !== 'workspace' || place.workspaceId !== workspaceId
  useNavigation.setState(({ past, future }) => ({
    route: { view: 'workspaces' },
    past: past.filter(elsewhere),
    future: future.filter(elsewhere),
  }))
}

export function goBack(): void {
  useNavigation.setState(({ route, past, future }) => {
    const last = past.at(-1)
    return last ? { route: last, past: past.slice(0, -1), future: [route, ...future] } : {}
  })
}

export function goForward(): void {
  useNavigation.setState(({ route, past, future }) => {
    const [next, ...rest] = future
    return next ? { route: next, past: [...past, route], future: rest } : {}
  })
}
