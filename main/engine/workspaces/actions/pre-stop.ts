import { ProblemError, type Workspace } from '#contract'
import { runCommand, runSteps } from '../commands'
import type { Action } from '../guard'
import { type ActionContext, phaseStep, silentReport } from './context'

/** Milliseconds that a command before a stop may take: who stops a workspace wants it stopped. */
const LIMIT = 60_000

export const preStopSteps = ({ definition }: Workspace) =>
  definition.preStopCommand === undefined && !definition.eventSteps?.preStop ? [] : [phaseStep('preStop')]

/**
 * Runs what the definition wants run before its processes end (devfile, "preStop"). That it fails, or takes too long, is
 * told, and keeps nothing from being stopped; a cancel does. What it prints is not shown: it may be a secret, and to know
 * those the keychain would have to be asked.
 */
export async function runPreStop(
  context: ActionContext,
  action: Action,
  { id, definition, user }: Workspace,
): Promise<void> {
  const { preStopCommand: command, eventSteps: { preStop: steps } = {} } = definition
  if ((command === undefined && !steps) || context.observed(id)?.run !== 'running') return
  const link = context.links().get(id)
  const hasShell = user.shell !== undefined
  await action.operation.step('preStop', async (report, signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)])
    try {
      const how = [link, context.platform, hasShell, silentReport, limit] as const
      if (steps) await runSteps('preStop', steps, ...how)
      else if (command !== undefined) await runCommand('preStop', command, ...how)
    } catch (error) {
      if (signal.aborted) throw error
      const cause = error instanceof ProblemError ? error.problem.title : String(error)
      report.result(limit.aborted ? 'It took longer than a minute, and was ended' : cause)
    }
  })
}
