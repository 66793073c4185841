import type { Session, Task } from '#contract'
import { MOST_PANES, type Pane, sessionsOf } from '#contract/pane-tree'
import { type Side, splitPane } from './panes'

/** .gitpod.yml, "openMode": on which side of the task before it a task's terminal is. */
const sides: { readonly [mode in NonNullable<Task['openMode']>]?: Side } = {
  'split-left': 'left',
  'split-right': 'right',
  'split-top': 'up',
  'split-bottom': 'down',
}

/**
 * Adds sessions that nobody has arranged to those that somebody has: by age, behind them all; those of tasks that begin
 * with the workspace by what their definition says, each relative to the nearest one before it that has a terminal. It is
 * known by its title, since a terminal that a workspace keeps says no more: whichever Berth has begun the tasks, they
 * come up the same.
 */
export function placeFresh(
  arranged: readonly Pane[],
  fresh: readonly Session[],
  all: readonly Session[],
  tasks: readonly Task[],
): readonly Pane[] {
  const byAge = [...fresh].sort((one, two) => one.createdAt - two.createdAt)
  const ages = new Map(byAge.map(({ id, createdAt }) => [id, createdAt]))
  const begun = new Set<string>()
  const terminals = tasks
    .filter(({ automatic }) => automatic)
    .flatMap(({ label, name, openMode }) => {
      const session = all.find(({ id, title }) => title === (label ?? name) && !begun.has(id))
      if (!session) return []
      begun.add(session.id)
      return [{ session, openMode }]
    })
  const panes: Pane[] = [...arranged, ...byAge.map(({ id }) => id).filter((id) => !begun.has(id))]

  let before: string | undefined
  for (const { session, openMode } of terminals) {
    if (ages.has(session.id)) place(panes, { ...session, openMode }, before, ages)
    before = session.id
  }
  return panes
}

/** @param ages of those that nobody has arranged */
function place(
  panes: Pane[],
  { id, createdAt, openMode }: Pick<Session, 'id' | 'createdAt'> & Pick<Task, 'openMode'>,
  before: string | undefined,
  ages: ReadonlyMap<string, number>,
): void {
  const host = panes.findIndex((pane) => before !== undefined && sessionsOf(pane).includes(before))
  const pane = panes[host]
  if (pane === undefined || before === undefined) {
    const younger = panes.findIndex(
      (other) => typeof other === 'string' && (ages.get(other) ?? 0) > createdAt,
    )
    panes.splice(younger < 0 ? panes.length : younger, 0, id)
    return
  }
  const side = openMode && sides[openMode]
  if (side && sessionsOf(pane).length < MOST_PANES) panes[host] = splitPane(pane, before, id, side)
  else panes.splice(openMode === 'tab-before' ? host : host + 1, 0, id)
}
