import { ProblemError } from '#contract'
import type { DataVerbs } from '../../drivers/driver'
import type { ActionContext } from '../actions/context'
import { start } from '../actions/run'

/** How long a target may take to say whose data a Berth that was killed was copying, milliseconds. */
const ASKING_LIMIT = 60_000

/**
 * Starts the workspaces that a Berth stopped to copy their data, and that it did not start again as it was killed.
 * Never rejects.
 */
export async function startLeftStopped(context: ActionContext, data: DataVerbs | undefined): Promise<void> {
  const { logger } = context.platform
  try {
    const left = (await data?.leftStopped?.(AbortSignal.timeout(ASKING_LIMIT))) ?? []
    for (const id of left) {
      await start(context, id, AbortSignal.timeout(ASKING_LIMIT)).catch((error: unknown) => {
        // Somebody else is at it.
        if (!(error instanceof ProblemError && error.problem.code === 'busy')) throw error
      })
    }
  } catch (error) {
    logger.warn('What a copy of data has left stopped could not be started', { error: String(error) })
  }
}
