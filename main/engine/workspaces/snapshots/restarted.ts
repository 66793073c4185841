import type { Workspace } from '#contract'
import type { DataVerbs } from '../../drivers/driver'
import type { ActionContext } from '../actions/context'
import { planPhases, runPhases } from '../actions/phases'
import { beginTasks, planTasks } from '../actions/tasks'
import { startPhases } from '../commands'
import type { Action } from '../guard'

/**
 * Copies data of a workspace. Where that stops and starts the workspace as a whole, what has to run at each start runs
 * again afterwards, whatever came of the copy: its variables are in memory, and its servers are gone.
 */
export async function withRestart(
  context: ActionContext,
  action: Action,
  { id, definition }: Pick<Workspace, 'id' | 'definition'>,
  data: Pick<DataVerbs, 'restsWhole'>,
  copy: () => Promise<void>,
): Promise<void> {
  const before = context.observed(id)
  const restarts = data.restsWhole && before?.run === 'running'
  const run = { first: false }
  if (!restarts) return copy()
  let failure: { readonly error: unknown } | undefined
  try {
    await copy()
  } catch (error) {
    failure = { error }
  }
  await context.settle(id, (now) => now?.run === 'running' && now.incarnation !== before.incarnation)
  const now = context.observed(id)
  // Not begun, or it did not come up again, which is the failure then.
  const isAnother = now?.run === 'running' && now.incarnation !== before.incarnation
  if (isAnother && !action.signal.aborted) {
    planPhases(action, definition, startPhases)
    planTasks(action, definition, run)
    await runPhases(context, action, definition, startPhases, () =>
      beginTasks(context, action, definition, run),
    )
  }
  if (failure) throw failure.error
}
