import { cancelled, type Operation, ProblemError, problem, type Survival, type Workspace } from '#contract'
import type { Engine } from '../main/engine/engine'
import { waitFor } from '../main/engine/platform/collection'
import { type AskPerson, askByLine, attendConsents } from './consent'
import type { ActionDocument } from './documents'
import type { CommandContext } from './execute'
import { createTimeline } from './timeline'
import { workspaceDocument } from './workspace-document'

/**
 * Starts a lifecycle action and shows it until it ends. The first Ctrl-C cancels the operation and waits until what it
 * made is taken back. Resolves with the operation that succeeded; rejects with its Problem.
 */
export async function runOperation(
  context: CommandContext,
  engine: Engine,
  start: () => Promise<{ readonly operationId: string; readonly workspaceId: string }>,
): Promise<{ readonly operation: Operation; readonly workspace: Workspace | undefined }> {
  const timeline = createTimeline(context.console, context.quiet)
  const { operations, workspaces } = engine.collections
  let operationId: string | undefined
  const early: { operationId: string; stepId: string; text: string }[] = []
  const stopEvents = engine.onEvent((name, payload) => {
    if (name !== 'operation.output' || !('stepId' in payload)) return
    if (operationId === undefined) early.push(payload)
    else if (payload.operationId === operationId) timeline.output(payload.stepId, payload.text)
  })
  const stopChanges = operations.onChange(({ upserts }) => {
    for (const operation of upserts) if (operation.id === operationId) timeline.update(operation)
  })
  const cancel = () => {
    if (operationId === undefined) return
    engine.call('operations.cancel', { operationId }).catch((error: unknown) => {
      // It ended in the same moment; what it came to is told below.
      if (!(error instanceof ProblemError)) throw error
    })
  }
  context.signal.addEventListener('abort', cancel, { once: true })
  const askBelow: AskPerson = async (question, signal) => {
    const goOn = timeline.hold()
    try {
      return await askByLine(context.console)(question, signal)
    } finally {
      goOn()
    }
  }
  const stopAsking = attendConsents(context, engine, askBelow)
  try {
    if (context.signal.aborted) throw cancelled()
    const started = await start()
    operationId = started.operationId
    const current = operations.get(operationId)
    if (current) timeline.update(current)
    for (const event of early)
      if (event.operationId === operationId) timeline.output(event.stepId, event.text)
    if (context.signal.aborted) cancel()
    const operation = await waitFor(operations, operationId, (record) => record?.state !== 'running')
    if (operation) timeline.update(operation)
    timeline.end()
    if (operation?.state === 'succeeded') return { operation, workspace: workspaces.get(started.workspaceId) }
    if (operation?.state === 'cancelled') throw cancelled(`The action “${operation.kind}”`)
    throw operation?.problem
      ? new ProblemError(operation.problem)
      : problem({
          code: 'internal',
          title: 'The action ended without a result',
          cause: 'Its record is gone.',
          remedy: 'Look at the workspace with “berth list”: its state says how it went.',
        })
  } finally {
    stopAsking()
    timeline.end()
    context.signal.removeEventListener('abort', cancel)
    await stopEvents()
    await stopChanges()
  }
}

/** What an action's `--json` prints. */
export function actionDocument(
  result: { readonly operation: Operation; readonly workspace: Workspace | undefined },
  survival: Survival | null = null,
): ActionDocument {
  const { operation, workspace } = result
  return {
    workspace: workspace && operation.kind !== 'delete' ? workspaceDocument(workspace) : null,
    operation,
    notApplied: workspace ? [...workspace.definition.notApplied] : [],
    survival,
  }
}
