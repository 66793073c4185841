import type { Problem, Workspace } from '#contract'
import type { Action } from '../guard'
import type { ActionContext } from './context'

/** What puts the user's variables into workspaces. */
export interface WorkspaceVariables {
  /**
   * Puts what holds for it into a workspace that runs. `given`: the id of values for this creation alone. Resolves with
   * what must not be shown from now on, and with what keeps a variable from being there. Rejects only on abort.
   */
  hand(workspace: Workspace, given: string | undefined, signal: AbortSignal): Promise<HandedVariables>
  /** Of a workspace that was deleted. Never rejects. */
  forget(workspaceId: string): Promise<void>
}

export interface HandedVariables {
  readonly secrets: readonly string[]
  readonly problem?: Problem
}

export const noVariables: WorkspaceVariables = {
  hand: async () => ({ secrets: [] }),
  forget: async () => undefined,
}

/**
 * Puts the user's variables into the workspace of an action, before anything of the user's runs in it. What is missing
 * is told and keeps nobody from working. Resolves with what its output must not show.
 */
export async function handVariables(context: ActionContext, action: Action): Promise<readonly string[]> {
  const { record, workspaceId } = action.operation
  const workspace = context.workspace(workspaceId)
  const given = record.asked?.givenVariables
  const { secrets, problem } = await context.variables().hand(workspace, given, action.signal)
  if (problem) context.mishap(workspaceId, problem)
  return secrets
}
