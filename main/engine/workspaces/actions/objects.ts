import {
  type ClusterObject,
  clusterObjectRight,
  type Definition,
  grantedRights,
  isSameRight,
  problem,
  toProblem,
  type Workspace,
} from '#contract'
import type { StepReport } from '../../drivers/driver'
import type { Action } from '../guard'
import { requireRights } from '../policy/governance'
import { type ActionContext, phaseStep, silentReport } from './context'

/** Milliseconds that objects may take after a stop: whoever stops a workspace wants that to end. */
const LIMIT = 60_000

const titleOf = ({ kind, name }: ClusterObject) => `${kind} ${name}`

/**
 * Puts objects of a workspace's definition, by their digests, into its cluster. Rejects with `unsupported` where the
 * target is none, or one of the objects was not allowed; with `policy-refused` where the team wants no such objects by
 * now; and as `ClusterVerbs.putObjects` does. All of them are looked at before one is made.
 */
export async function putObjects(
  context: ActionContext,
  workspace: Workspace,
  digests: readonly string[],
  signal: AbortSignal,
  report: StepReport = silentReport,
): Promise<void> {
  const { id, definition } = workspace
  const { driver } = await context.target(workspace.targetId, signal)
  const objects = (definition.clusterObjects ?? []).filter(({ digest }) => digests.includes(digest))
  const title = `${objects.map(titleOf).join(', ')} could not be put into the cluster`
  const { cluster } = driver
  if (!cluster?.putObjects)
    throw problem({
      code: 'unsupported',
      title,
      cause: 'These are objects of a cluster, and an engine has containers alone.',
      remedy: 'Make the workspace on a cluster.',
    })
  const isAllowed = allowing(definition)
  const refused = objects.filter((object) => !isAllowed(object))
  if (refused.length > 0)
    throw problem({
      code: 'unsupported',
      title,
      cause: `For this workspace nobody has allowed ${refused.map(titleOf).join(', ')}.`,
      remedy: 'Allow that with the checkbox in "Rebuild…", or with "berth rebuild --allow-rights".',
      actions: [{ kind: 'workspace', label: 'Rebuild…', verb: 'rebuild', workspaceId: id }],
    })
  requireRights(
    await context.policiesOf(id, signal),
    objects.map((object) => clusterObjectRight(object)),
  )
  await cluster.putObjects(id, objects, report, signal)
}

function allowing({ container }: Pick<Definition, 'container'>): (object: ClusterObject) => boolean {
  const granted = grantedRights(container)
  return (object) => granted.some((right) => isSameRight(right, clusterObjectRight(object)))
}

/** Of the objects that are wanted after a stop those that can be had: of the others it is told when it is made. */
function dueAfterStop({ definition, kubernetes }: Workspace): string[] {
  const { clusterObjects = [], postStopObjects = [] } = definition
  if (kubernetes === undefined) return []
  const allowed = new Set(clusterObjects.filter(allowing(definition)).map(({ digest }) => digest))
  return postStopObjects.filter((digest) => allowed.has(digest))
}

export const postStopSteps = (workspace: Workspace) =>
  dueAfterStop(workspace).length === 0 ? [] : [phaseStep('postStop')]

/**
 * Puts those into the cluster that the definition wants there after each stop (devfile, "postStop"). The workspace has
 * stopped, so that a failure is told and changes nothing; a cancel ends it.
 */
export async function runPostStop(
  context: ActionContext,
  action: Action,
  workspace: Workspace,
): Promise<void> {
  const due = dueAfterStop(workspace)
  if (due.length === 0) return
  await action.operation.step('postStop', async (report, signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)])
    try {
      await putObjects(context, workspace, due, limit, report)
    } catch (error) {
      if (signal.aborted) throw error
      const { title, cause } = toProblem(error)
      report.result(limit.aborted ? 'It took longer than a minute, and was ended' : `${title}: ${cause}`)
    }
  })
}
