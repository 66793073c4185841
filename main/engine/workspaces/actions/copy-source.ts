import { ProblemError, problem } from '#contract'
import type { Driver, WorkspaceSpec } from '../../drivers/driver'
import type { Action } from '../guard'
import { selectUnignored } from '../source/selection'
import { measureFolder, tarFolder } from '../source/tar-folder'
import type { ActionContext } from './context'

/**
 * Streams a folder of this machine into the workspace's source folder, as the workspace user's: all of it, or what git
 * does not ignore.
 */
export async function copySource(
  context: ActionContext,
  action: Action,
  driver: Driver,
  spec: WorkspaceSpec,
  { folder, unignored }: { readonly folder: string; readonly unignored: boolean },
): Promise<void> {
  const target = spec.sourceFolder ?? spec.definition.workspaceFolder
  await action.operation.step('copy', async (report, signal) => {
    const selection = unignored ? await selectUnignored(context.platform, folder, signal) : undefined
    report.detail('Looking how much there is')
    const size = await measureFolder(folder, signal, selection)
    // By its whole path: a target may refuse links that lead out of the folder that is written to.
    const tar = tarFolder(folder, target.slice(1), spec.image.user, report, size, signal, selection)
    try {
      await driver.write(spec.id, '/', tar, signal)
    } catch (error) {
      const local = tar.errored
      if (local && !signal.aborted) throw unreadable(folder, local, context)
      throw error
    } finally {
      tar.destroy()
    }
  })
}

function unreadable(folder: string, error: Error, context: ActionContext) {
  if (error instanceof ProblemError) return error
  context.platform.logger.warn('A source could not be read', { error: error.message })
  const code = (error as NodeJS.ErrnoException).code
  return problem(
    {
      code: code === 'EACCES' || code === 'EPERM' ? 'permission-denied' : 'create-failed',
      title: 'The source could not be copied',
      cause: error.message,
      remedy: `Check that every file in ${folder} can be read.`,
    },
    error,
  )
}
