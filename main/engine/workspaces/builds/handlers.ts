import type { Handlers } from '../../platform/handlers'
import type { ActionContext } from '../actions/context'
import { folderReader } from '../source/folder-reader'
import { sourceFolder, sourceFolderName } from '../source/name'
import { volumeReader } from '../source/volume-reader'
import { readBuildAsks } from './asks'

export type BuildHandlers = Pick<Handlers, `builds.${'give' | 'asks'}`>

/** What answers the requests about builds. */
export function createBuildHandlers(context: ActionContext): BuildHandlers {
  return {
    'builds.give': async ({ values }) => ({ id: context.buildSecrets.give(values) }),
    'builds.asks': async ({ workspaceId }, signal) => {
      const { definition, source, targetId } = context.workspace(workspaceId)
      const { target, driver } = await context.target(targetId, signal)
      const root = sourceFolder(definition, sourceFolderName(source))
      const reader =
        source.kind === 'folder' && target.capabilities?.bindMounts === true
          ? folderReader(source.path)
          : volumeReader(root, (path, stop) => driver.read(workspaceId, path, stop), signal)
      const asks = await readBuildAsks(definition, reader)
      signal.throwIfAborted()
      return asks ?? { secrets: [], ssh: false, hostNetwork: false }
    },
  }
}
