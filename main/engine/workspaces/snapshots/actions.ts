import { type DataSnapshot, type DataSource, type Operation, problem, type Workspace } from '#contract'
import type { DataVerbs, Driver, NewSnapshot } from '../../drivers/driver'
import type { ActionContext } from '../actions/context'
import type { Action } from '../guard'
import type { RunningOperation } from '../operations'
import { withRestart } from './restarted'
import { dataOf, describeSnapshot, type FoundSource, findSource, newSnapshotId } from './source'
import { dataVolumes, planData } from './volumes'

/** How long looking for snapshots may hold up a question, milliseconds. */
const LISTING_LIMIT = 5_000

const steps = {
  snapshot: { id: 'snapshot', title: 'Taking a snapshot' },
  before: { id: 'before', title: 'Taking a snapshot of what is there' },
  read: (name: string) => ({ id: 'read', title: `Taking a snapshot of ${name}` }),
  transfer: { id: 'transfer', title: 'Copying the data over' },
  restore: { id: 'restore', title: 'Replacing the data' },
}

const fieldsOf = (kind: 'snapshot' | 'restore', { id, name, targetId }: Workspace) => ({
  kind,
  workspaceId: id,
  workspaceName: name,
  targetId,
})

/** Takes a snapshot of a workspace's data volumes. */
export async function snapshot(
  context: ActionContext,
  workspaceId: string,
  wanted: { readonly name?: string | undefined; readonly volumes?: readonly string[] | undefined },
  signal: AbortSignal,
): Promise<{ readonly operation: Operation; readonly snapshotId: string }> {
  const workspace = context.workspace(workspaceId)
  const { driver } = await context.target(workspace.targetId, signal)
  const data = dataOf(driver)
  const described = await describeSnapshot(context, workspace, wanted, signal)
  const operation = await context.guard.begin(fieldsOf('snapshot', workspace), undefined, (action) =>
    withRestart(context, action, workspace, data, () =>
      takeSnapshot(action, data, described, steps.snapshot),
    ),
  )
  return { operation, snapshotId: described.id }
}

async function takeSnapshot(
  { operation }: Pick<Action, 'operation'>,
  data: DataVerbs,
  described: NewSnapshot,
  step: { readonly id: string; readonly title: string },
): Promise<void> {
  operation.plan([step])
  await operation.step(step.id, async (report, signal) => {
    const { volumes } = await data.snapshot(operation.workspaceId, described, report, signal)
    report.result(`${described.name}: ${volumes.map(({ name }) => name).join(', ')}`)
  })
}

/** Puts data in place of a workspace's own. */
export async function restore(
  context: ActionContext,
  workspaceId: string,
  from: DataSource,
  snapshotFirst: boolean,
  signal: AbortSignal,
): Promise<Operation> {
  const workspace = context.workspace(workspaceId)
  if (from.snapshotId === undefined && from.workspaceId === workspaceId) throw sameWorkspace(workspace.name)
  const { driver } = await context.target(workspace.targetId, signal)
  const data = dataOf(driver)
  const source = await findSource(context, from, signal)
  const volumes = requireCommon(source, workspace)
  const before = snapshotFirst
    ? await describeSnapshot(context, workspace, { name: `Before ${source.label}`.slice(0, 80) }, signal)
    : undefined
  return context.guard.begin(fieldsOf('restore', workspace), undefined, async (action) => {
    action.operation.plan([...(before ? [steps.before] : []), ...stepsFor(source, workspace.targetId)])
    await withRestart(context, action, workspace, data, async () => {
      if (before) await takeSnapshot(action, data, before, steps.before)
      await putData(context, action.operation, { driver, targetId: workspace.targetId, source, volumes })
    })
  })
}

/**
 * Gives a workspace that is being created the data of another one, before it starts for the first time. Does nothing
 * where none is wanted.
 */
export async function seedData(
  context: ActionContext,
  operation: RunningOperation,
  workspace: Pick<Workspace, 'name' | 'definition' | 'targetId'> & { readonly driver: Driver },
  from: DataSource | undefined,
): Promise<void> {
  if (!from) return
  const source = await findSource(context, from, operation.signal)
  const volumes = requireCommon(source, workspace)
  const { driver, targetId } = workspace
  operation.plan(stepsFor(source, targetId))
  await putData(context, operation, { driver, targetId, source, volumes })
}

/** What {@link seedData} will do, as far as that is known before. */
export function seedSteps(from: DataSource | undefined) {
  if (!from) return []
  return [...(from.snapshotId === undefined ? [steps.read('the other workspace')] : []), steps.restore]
}

function stepsFor({ snapshot: taken, label, targetId }: FoundSource, into: string) {
  return [
    ...(taken ? [] : [steps.read(label)]),
    ...(targetId === into ? [] : [steps.transfer]),
    steps.restore,
  ]
}

interface Put {
  readonly driver: Driver
  readonly targetId: string
  readonly source: FoundSource
  /** Names of volumes that both have. */
  readonly volumes: readonly string[]
}

/** Nothing but the new data is left of it, however it ends: copies on the way are removed. */
async function putData(
  context: ActionContext,
  operation: RunningOperation,
  { driver, targetId, source, volumes }: Put,
): Promise<void> {
  const into = dataOf(driver)
  const { workspaceId } = operation
  const temporary: {
    readonly targetId: string
    readonly workspaceId: string
    readonly snapshotId: string
  }[] = []
  try {
    let from = { workspaceId: source.workspaceId, snapshotId: source.snapshot?.id ?? '' }
    if (source.workspace) {
      const taken = await describeSnapshot(
        context,
        source.workspace,
        { name: `For ${operation.record.workspaceName}`, volumes },
        operation.signal,
      )
      temporary.push({ targetId: source.targetId, workspaceId: source.workspaceId, snapshotId: taken.id })
      await operation.step('read', (report, signal) => borrow(context, source, taken, report, signal))
      from = { ...from, snapshotId: taken.id }
    }
    const isNear = source.data === into && (into.sharesSnapshots || source.workspaceId === workspaceId)
    if (!isNear) {
      const copy: NewSnapshot = {
        id: newSnapshotId(),
        workspaceName: operation.record.workspaceName,
        name: `From ${source.label}`.slice(0, 80),
        createdAt: context.platform.clock.now(),
        volumes: volumes.map((name) => ({ name })),
      }
      operation.plan([steps.transfer])
      temporary.push({ targetId, workspaceId, snapshotId: copy.id })
      const { snapshotId } = from
      await operation.step('transfer', (report, signal) =>
        into.import(
          workspaceId,
          copy,
          (volume) => source.data.export(source.workspaceId, snapshotId, volume, signal),
          report,
          signal,
        ),
      )
      from = { workspaceId, snapshotId: copy.id }
    }
    await operation.step('restore', (report, signal) =>
      into.restore(workspaceId, from, volumes, report, signal),
    )
  } finally {
    for (const one of temporary)
      await context.cleanUp(one.targetId, one.snapshotId, async (to, signal) =>
        to.data?.removeSnapshot(one.workspaceId, one.snapshotId, signal),
      )
  }
}

/** A snapshot of another workspace, as an action of that one: nothing else is done to it meanwhile. */
async function borrow(
  context: ActionContext,
  { workspace, data }: FoundSource,
  taken: NewSnapshot,
  report: { detail(text: string): void },
  signal: AbortSignal,
): Promise<void> {
  if (!workspace) return
  await new Promise<void>((resolve, reject) => {
    context.guard
      .begin(fieldsOf('snapshot', workspace), undefined, async (action) => {
        const cancel = () => action.operation.cancel()
        signal.addEventListener('abort', cancel, { once: true })
        if (signal.aborted) cancel()
        try {
          report.detail('Copying its data')
          await withRestart(context, action, workspace, data, async () => {
            await takeSnapshot(action, data, taken, steps.snapshot)
            // Who waits for the copy does not wait for what runs in the other workspace afterwards.
            resolve()
          })
        } catch (error) {
          reject(error)
          throw error
        } finally {
          signal.removeEventListener('abort', cancel)
        }
      })
      .catch(reject)
  })
}

function requireCommon(
  source: FoundSource,
  workspace: Pick<Workspace, 'name' | 'definition'>,
): readonly string[] {
  const into = dataVolumes(workspace.definition)
  const { replaced } = planData({ offered: source.offered, into, stopsWhole: false })
  if (replaced.length > 0) return replaced
  const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name).join(', ')
  throw problem({
    code: 'not-found',
    title: 'No data volume has the same name in both',
    cause: `${source.label} has ${names(source.offered)}; ${workspace.name} has ${names(into) || 'none'}.`,
    remedy: 'Call the volumes the same in both definitions.',
  })
}

function sameWorkspace(name: string) {
  return problem({
    code: 'invalid-input',
    title: `${name} has that data already`,
    cause: 'Source and destination are the same workspace.',
    remedy: 'Choose a snapshot of it, or another workspace.',
  })
}

/** Removes all snapshots of a workspace; succeeds where it has none. */
export async function removeSnapshots(
  { data }: Driver,
  workspaceId: string,
  signal: AbortSignal,
): Promise<void> {
  const all: readonly DataSnapshot[] = (await data?.snapshots(signal)) ?? []
  for (const { id, workspaceId: of } of all)
    if (of === workspaceId) await data?.removeSnapshot(workspaceId, id, signal)
}

/** What deleting a workspace does to its snapshots, for the user to know before; empty where there are none. */
export async function snapshotsLost(
  context: ActionContext,
  { id, targetId }: Workspace,
  signal: AbortSignal,
): Promise<{ what: string; keepable?: true }[]> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LISTING_LIMIT)])
    const { data } = (await context.target(targetId, limit)).driver
    const own = (await data?.snapshots(limit))?.filter(({ workspaceId }) => workspaceId === id) ?? []
    if (own.length === 0) return []
    const what = own.length === 1 ? 'The snapshot of its data' : `The ${own.length} snapshots of its data`
    return [{ what, ...(data?.sharesSnapshots && { keepable: true as const }) }]
  } catch {
    // The question is not held up by what cannot be known.
    signal.throwIfAborted()
    return []
  }
}

/** Rejects where snapshots are to be kept and cannot be. */
export async function refuseKeeping(
  { data }: Driver,
  workspaceId: string,
  signal: AbortSignal,
): Promise<void> {
  if (!data || data.sharesSnapshots) return
  const all = await data.snapshots(signal)
  if (!all.some((one) => one.workspaceId === workspaceId)) return
  throw problem({
    code: 'unsupported',
    title: 'Its snapshots cannot be kept',
    cause: "On a cluster they are on the workspace's own volume, which goes with it.",
    remedy: 'Copy the data into another workspace first, or delete it with its snapshots.',
  })
}
