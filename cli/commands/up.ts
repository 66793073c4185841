import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CreateInput } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { type ClusterOptions, clusterOptions } from '../cluster-options'
import { commandName } from '../command-name'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { actionDocument, runOperation } from '../operation'
import { findTarget, settled } from '../select'
import { printable } from '../text'
import { sourceText, workspaceLabel } from '../workspace-document'

export interface UpOptions extends ClusterOptions {
  readonly image?: string
  readonly name?: string
  readonly target?: string
  readonly branch?: string
  readonly definition?: string
}

/** `berth up`: makes a workspace and waits until it is ready. */
export async function up(
  context: CommandContext,
  text: string | undefined,
  options: UpOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const input = await createInput(context, engine, text, options)
  const result = await runOperation(context, engine, () =>
    engine.call('workspaces.create', input, context.signal),
  )
  if (context.json) {
    context.document(actionDocument(result))
    return
  }
  const { workspace } = result
  if (!workspace) return
  const label = workspaceLabel(engine, workspace)
  if (workspace.definition.imageIsDefault)
    context.say(`The definition names no image; the default one is used: ${workspace.definition.image ?? ''}`)
  for (const { field, reason } of workspace.definition.notApplied)
    context.say(`Not applied: ${field} (${reason})`)
  context.print(workspace.name)
  context.say(`${label} is ${workspace.state}. Enter it with \`${commandName()} terminal ${label}\`.`)
  if (workspace.definition.forwardPorts.length > 0)
    context.say(
      `Open its ports with \`${commandName()} serve ${label}\`: ${workspace.definition.forwardPorts.join(', ')}.`,
    )
}

async function createInput(
  context: CommandContext,
  engine: Engine,
  text: string | undefined,
  options: UpOptions,
): Promise<CreateInput> {
  if (text === undefined && options.image === undefined)
    throw new UsageError('Say what to make the workspace from: a git URL, a folder, or --image.')
  const kubernetes = clusterOptions(options)
  const shared = {
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.definition === undefined ? {} : { definitionPath: options.definition }),
    ...(await chosenTarget(context, engine, options.target)),
  }
  if (text === undefined) {
    if (options.branch !== undefined) throw new UsageError('--branch goes with a git URL.')
    return { source: { kind: 'image', image: options.image ?? '' }, ...shared }
  }
  const { source, below } = await engine.call(
    'sources.parse',
    { text: asTyped(text), ...(options.branch === undefined ? {} : { branch: options.branch }) },
    context.signal,
  )
  if (below !== undefined)
    context.say(
      `The link leads to ${printable(below)}; the workspace gets the whole repository, ${sourceText(source)}.`,
    )
  return { source, ...(options.image === undefined ? {} : { image: options.image }), ...shared }
}

/** A folder is meant as seen from where the command runs, which is this process's affair and not the engine's. */
function asTyped(text: string): string {
  return statSync(text, { throwIfNoEntry: false })?.isDirectory() ? resolve(text) : text
}

async function chosenTarget(
  context: CommandContext,
  engine: Engine,
  text: string | undefined,
): Promise<{ targetId?: string }> {
  if (text === undefined) return {}
  if (!engine.collections.targets.list().some(({ id, name }) => id === text || name === text))
    await settled(engine, context.signal)
  return { targetId: findTarget(text, engine.collections.targets.list()).id }
}
