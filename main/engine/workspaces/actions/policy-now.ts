import { type Problem, ProblemError, toProblem, type Workspace } from '#contract'
import type { Driver } from '../../drivers/driver'
import { joinedViolation } from '../../policy/findings'
import type { ActionContext } from './context'

/** How long a start waits for what the team says, in milliseconds: it is told, and decides nothing. */
const LIMIT = 5_000

/**
 * What the team's policies would refuse of a workspace that was made before; undefined where that is nothing. It starts
 * all the same, for what is in it is its user's: a rebuild has to follow them. Never rejects.
 */
export async function refusedByNow(
  context: ActionContext,
  workspace: Workspace,
  driver: Driver,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)])
    const { target } = await context.target(workspace.targetId, limit)
    // The idle time that it has holds until somebody changes it.
    const asked = { kubernetes: workspace.kubernetes, idle: undefined, exists: false }
    const governance = await context.govern(target, driver, asked, limit)
    return toldOf(workspace.name, governance.preview(workspace.definition)?.violations ?? [])
  } catch (error) {
    if (signal.aborted || !(error instanceof ProblemError)) return undefined
    const { cause, ...others } = toProblem(error)
    return {
      ...others,
      cause: `${cause} ${workspace.name} was started all the same, as it was made.`,
    }
  }
}

/** Several violations as one Problem of a workspace that runs all the same. */
export function toldOf(name: string, violations: readonly Problem[]): Problem | undefined {
  const joined = joinedViolation(violations)
  if (!joined) return undefined
  const { title, cause, remedy, ...others } = joined
  return {
    ...others,
    title: `${name} is not as the team wants it by now`,
    cause: `${title}. ${cause}`,
    remedy: `It runs as it was made, and a rebuild would be refused. ${remedy}`,
  }
}
