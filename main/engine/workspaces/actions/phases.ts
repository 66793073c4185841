import { type Definition, type LifecyclePhase, lifecyclePhases, ProblemError, toProblem } from '#contract'
import { runPhase, splitPhases } from '../commands'
import type { Action } from '../guard'
import { localSecrets, withMask } from '../mask'
import { type ActionContext, phaseStep } from './context'
import { dotfilesAfter, planDotfiles } from './dotfiles'
import { handVariables } from './variables'

/** Plans the steps of the lifecycle commands that a definition has. */
export function planPhases(action: Action, definition: Definition, phases: readonly LifecyclePhase[]): void {
  const { before, after } = splitPhases(definition, phases)
  action.operation.plan([...before, ...after].map(phaseStep))
}

/**
 * Runs lifecycle commands in their order: those that the workspace has to wait for, then `ready`, then the others.
 * One that fails keeps the later ones from running, and rejects.
 */
export async function runPhases(
  context: ActionContext,
  action: Action,
  definition: Definition,
  phases: readonly LifecyclePhase[],
  ready: () => Promise<void>,
): Promise<void> {
  const { before, after } = splitPhases(definition, phases)
  const link = context.links().get(action.operation.workspaceId)
  const hasShell = context.workspace(action.operation.workspaceId).user.shell !== undefined
  const secrets = await handVariables(context, action)
  action.operation.hide(localSecrets(definition, context.platform.env))
  const dotfiles = await planDotfiles(context, action, phases)
  let isProbed = false
  const run = async (phase: LifecyclePhase) => {
    if (follows(phase, dotfilesAfter)) await dotfiles?.install(secrets)
    await action.operation.step(phase, (report, signal) =>
      withMask(secrets, report, async (masked) => {
        if (!isProbed) {
          isProbed = true
          const { note } = await link.userEnvironment(signal, 'anew')
          if (note !== undefined) masked.output(`${note}\n`)
        }
        await runPhase(phase, definition, link, context.platform, hasShell, masked, signal)
      }),
    )
  }
  for (const phase of before) await run(phase)
  await ready()
  try {
    for (const phase of after) await run(phase)
    await dotfiles?.install(secrets)
  } catch (error) {
    noteMishap(context, action, error)
    throw error
  }
}

const follows = (phase: LifecyclePhase, other: LifecyclePhase) =>
  lifecyclePhases.indexOf(phase) > lifecyclePhases.indexOf(other)

/** Remembers that a command failed in a workspace that can be used all the same. */
export function noteMishap(context: ActionContext, action: Action, error: unknown): void {
  if (action.signal.aborted) return
  if (error instanceof ProblemError) context.mishap(action.operation.workspaceId, toProblem(error))
}
