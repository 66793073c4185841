import { ProblemError, type Workspace } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { commandName } from '../command-name'
import type { ListDocument } from '../documents'
import type { CommandContext } from '../execute'
import { settled, targetLabel } from '../select'
import { duration, style, table } from '../text'
import { sourceText, workspaceDocument } from '../workspace-document'

/** `berth list`: every workspace of every target that answers. */
export async function list(context: CommandContext): Promise<undefined> {
  const engine = await context.engine()
  await settled(engine, context.signal)
  const targets = engine.collections.targets.list()
  const workspaces = [...engine.collections.workspaces.list()].sort(byName)
  const unreachable = targets.flatMap(({ id, state, problem }) =>
    state === 'unreachable' && problem ? [{ target: id, problem }] : [],
  )
  const [first] = unreachable
  // Nothing is known at all: that is a failure, and not an empty list.
  if (first && unreachable.length === targets.length) throw new ProblemError(first.problem)
  if (context.json) {
    context.document({
      workspaces: workspaces.map(workspaceDocument),
      unreachable,
    } satisfies ListDocument)
    return
  }
  if (workspaces.length > 0) context.print(workspaceTable(engine, workspaces, context.console.stdoutColor))
  else context.say(`There are no workspaces. Make one with \`${commandName()} up <git-url|folder>\`.`)
  for (const { target, problem } of unreachable)
    context.say(`Not shown: workspaces of ${targetLabel(target, targets)} (${problem.title}).`)
}

function byName(left: Workspace, right: Workspace): number {
  return left.name.localeCompare(right.name) || left.targetId.localeCompare(right.targetId)
}

function workspaceTable(engine: Engine, workspaces: readonly Workspace[], color: boolean): string {
  const now = Date.now()
  const targets = engine.collections.targets.list()
  const text = table(
    ['NAME', 'STATE', 'TARGET', 'AGE', 'SOURCE', 'REASON'],
    workspaces.map((workspace) => [
      workspace.name,
      workspace.state,
      targetLabel(workspace.targetId, targets),
      duration(now - workspace.createdAt),
      sourceText(workspace.source),
      workspace.state === 'running' ? '' : workspace.reason,
    ]),
  )
  const { bold } = style(color)
  const [header = '', ...rows] = text.split('\n')
  return [bold(header), ...rows].join('\n')
}
