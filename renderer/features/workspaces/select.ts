import type { Workspace } from '#contract'
import { formatSource, sortedByName } from '../../lib/format'

export type StateFilter = 'all' | 'running' | 'stopped' | 'failed'
export type SortOrder = 'name' | 'newest' | 'state'

/** Which filter a workspace falls under. One on its way somewhere counts as running: it is not at rest. */
export function filterOf(workspace: Workspace): Exclude<StateFilter, 'all'> {
  if (workspace.state === 'stopped') return 'stopped'
  return workspace.state === 'failed' ? 'failed' : 'running'
}

const stateOrder: Record<Exclude<StateFilter, 'all'>, number> = { failed: 0, running: 1, stopped: 2 }

const orders: Record<Exclude<SortOrder, 'name'>, (one: Workspace, other: Workspace) => number> = {
  newest: (one, other) => other.createdAt - one.createdAt,
  state: (one, other) => stateOrder[filterOf(one)] - stateOrder[filterOf(other)],
}

export interface Selection {
  readonly text: string
  readonly filter: StateFilter
  readonly sort: SortOrder
}

/** The workspaces to show, in order. All words of the text have to be found in name, source, target, image or reason. */
export function selectWorkspaces(
  workspaces: readonly Workspace[],
  { text, filter, sort }: Selection,
): readonly Workspace[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const found = sortedByName(workspaces)
    .filter((workspace) => filter === 'all' || filterOf(workspace) === filter)
    .filter((workspace) => {
      if (words.length === 0) return true
      const { name, source, targetId, image, reason, state } = workspace
      const searched = [name, formatSource(source), targetId, image, reason, state].join(' ').toLowerCase()
      return words.every((word) => searched.includes(word))
    })
  return sort === 'name' ? found : found.sort(orders[sort])
}

/** How many fall under each filter. */
export function countByFilter(workspaces: readonly Workspace[]): Readonly<Record<StateFilter, number>> {
  const counts = { all: workspaces.length, running: 0, stopped: 0, failed: 0 }
  for (const workspace of workspaces) counts[filterOf(workspace)] += 1
  return counts
}
