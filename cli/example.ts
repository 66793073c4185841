import { existsSync } from 'node:fs'
import { problem, type Workspace } from '#contract'
import type { Engine } from '../main/engine/engine'
import { exampleFolder } from './engine'
import type { CommandContext } from './execute'
import { runOperation } from './operation'
import { settled } from './select'

/** What the example's workspace is called. */
export const EXAMPLE_NAME = 'example'

/** The workspace of the bundled example, made where it is missing and started where it is stopped. */
export async function exampleWorkspace(context: CommandContext, engine: Engine): Promise<Workspace> {
  await settled(engine, context.signal)
  const folder = exampleFolder()
  const found = engine.collections.workspaces
    .list()
    .find(({ name, source }) => name === EXAMPLE_NAME && source.kind === 'folder' && source.path === folder)
  if (found?.state === 'running') return found
  if (found) {
    const { workspace } = await runOperation(context, engine, () =>
      engine.call('workspaces.start', { workspaceId: found.id }, context.signal),
    )
    return workspace ?? found
  }
  if (!existsSync(folder)) {
    throw problem({
      code: 'folder-not-found',
      title: 'The bundled example is missing',
      cause: `There is no folder ${folder}.`,
      remedy: 'Install Berth again.',
    })
  }
  const { workspace } = await runOperation(context, engine, () =>
    engine.call(
      'workspaces.create',
      { source: { kind: 'folder', path: folder }, name: EXAMPLE_NAME },
      context.signal,
    ),
  )
  if (workspace) return workspace
  throw problem({
    code: 'internal',
    title: 'The example has gone again',
    cause: 'It was removed at once.',
    remedy: 'Start it again.',
  })
}
