import type { LastStop, Operation, Workspace } from '#contract'
import type { Driver } from '../../drivers/driver'
import { startPhases } from '../commands'
import type { Action } from '../guard'
import { refuseKeeping, removeSnapshots } from '../snapshots/actions'
import { forgetBuilds } from './build-elsewhere'
import { type ActionContext, gone, steps } from './context'
import { nameTaken } from './create'
import { postStopSteps, runPostStop } from './objects'
import { noteMishap, planPhases, runPhases } from './phases'
import { refusedByNow } from './policy-now'
import { preStopSteps, runPreStop } from './pre-stop'
import { beginTasks, planTasks } from './tasks'

/** How long PID 1 has to end after it was asked to, milliseconds. */
const grace = 10_000
/** How long a note on the target may take, milliseconds. */
const NOTE_LIMIT = 10_000

type SimpleKind = 'start' | 'stop' | 'restart' | 'grow' | 'delete'

async function begin(
  context: ActionContext,
  kind: SimpleKind,
  workspaceId: string,
  signal: AbortSignal,
  run: (action: Action, workspace: Workspace, driver: Driver) => Promise<void>,
): Promise<Operation> {
  const workspace = context.workspace(workspaceId)
  const { driver } = await context.target(workspace.targetId, signal)
  const fields = { kind, workspaceId, workspaceName: workspace.name, targetId: workspace.targetId }
  return context.guard.begin(fields, undefined, (action) => run(action, workspace, driver))
}

export function start(context: ActionContext, workspaceId: string, signal: AbortSignal): Promise<Operation> {
  return begin(context, 'start', workspaceId, signal, async (action, workspace, driver) => {
    action.operation.plan([steps.start])
    planPhases(action, workspace.definition, startPhases)
    planTasks(action, workspace.definition, { first: false })
    await startNow(context, action, workspace, driver)
  })
}

async function startNow(
  context: ActionContext,
  action: Action,
  workspace: Workspace,
  driver: Driver,
): Promise<void> {
  const { operation } = action
  const observed = context.observed(workspace.id)
  if (observed?.run === 'missing') throw gone(workspace.name, workspace.id)
  // Started once more it goes on, and so do its tasks.
  const wasRunning = observed?.run === 'running' && !observed.replacing
  context.mishap(workspace.id, undefined)
  const refused = refusedByNow(context, workspace, driver, action.signal)
  await operation.step('start', async (report, signal) => {
    // Half of a rebuild that was interrupted: the workspace as it was before is what starts.
    if (observed?.replacing) await driver.discard(workspace.id, signal)
    await driver.start(workspace.id, report, signal)
    await noteStop(context, workspace, driver, null)
    const told = await refused
    if (told) report.output(`${told.title}: ${told.cause} ${told.remedy}\n`)
  })
  await context.settle(workspace.id, (now) => now?.run === 'running' && !now.replacing)
  const told = await refused
  if (told) context.mishap(workspace.id, told)
  try {
    await runPhases(context, action, workspace.definition, startPhases, async () => {
      await action.ready()
      if (!wasRunning) await beginTasks(context, action, workspace.definition, { first: false })
    })
  } catch (error) {
    noteMishap(context, action, error)
    throw error
  }
}

/** `force`: nothing is asked and nothing waited for, see {@link Driver.stop}. `lastStop`: why, if nobody asked for it. */
export function stop(
  context: ActionContext,
  workspaceId: string,
  force: boolean,
  signal: AbortSignal,
  lastStop: LastStop | null = null,
): Promise<Operation> {
  return begin(context, 'stop', workspaceId, signal, async (action, workspace, driver) => {
    const around = [...preStopSteps(workspace), steps.stop, ...postStopSteps(workspace)]
    action.operation.plan(force ? [steps.force] : around)
    // First, so that whoever sees it stopped sees why.
    await noteStop(context, workspace, driver, lastStop)
    await stopNow(context, action, workspace, driver, force)
  })
}

/** Why it is stopped by itself; null: it is not. What goes wrong with that keeps nothing from being done. */
async function noteStop(
  { observed, platform }: ActionContext,
  { id }: Workspace,
  driver: Driver,
  lastStop: LastStop | null,
): Promise<void> {
  if (!lastStop && !observed(id)?.lastStop) return
  await driver.note(id, { lastStop }, AbortSignal.timeout(NOTE_LIMIT)).catch((error: unknown) => {
    platform.logger.warn('It could not be noted why a workspace is stopped', { error: String(error) })
  })
}

async function stopNow(
  context: ActionContext,
  action: Action,
  workspace: Workspace,
  driver: Driver,
  force = false,
): Promise<void> {
  const observed = context.observed(workspace.id)
  if (observed?.run === 'missing') throw gone(workspace.name, workspace.id)
  context.mishap(workspace.id, undefined)
  if (!force) await runPreStop(context, action, workspace)
  await action.operation.step('stop', (report, signal) =>
    driver.stop(workspace.id, { grace, force }, report, signal),
  )
  await context.settle(workspace.id, (now) => now?.run !== 'running' && now?.run !== 'stopping')
  if (!force) await runPostStop(context, action, workspace)
}

export function restart(
  context: ActionContext,
  workspaceId: string,
  signal: AbortSignal,
): Promise<Operation> {
  return begin(context, 'restart', workspaceId, signal, async (action, workspace, driver) => {
    action.operation.plan([...preStopSteps(workspace), steps.stop, ...postStopSteps(workspace), steps.start])
    planPhases(action, workspace.definition, startPhases)
    planTasks(action, workspace.definition, { first: false })
    await stopNow(context, action, workspace, driver)
    await startNow(context, action, workspace, driver)
  })
}

/** `storage` as Kubernetes writes an amount. */
export function grow(
  context: ActionContext,
  workspaceId: string,
  storage: string,
  signal: AbortSignal,
): Promise<Operation> {
  return begin(context, 'grow', workspaceId, signal, async (action, workspace, driver) => {
    action.operation.plan([steps.grow])
    await action.operation.step('grow', async (report, stepSignal) => {
      const { size, waitsFor } = await driver.grow(workspace.id, storage, report, stepSignal)
      report.result(waitsFor ?? (size === undefined ? '' : `It has ${size}`))
    })
  })
}

/** Removes the container, the volumes and the image that was built for it, also where that was elsewhere. */
export function remove(
  context: ActionContext,
  workspaceId: string,
  signal: AbortSignal,
  keepSnapshots: boolean,
): Promise<Operation> {
  return begin(context, 'delete', workspaceId, signal, async (action, workspace, driver) => {
    action.operation.plan([steps.delete])
    if (keepSnapshots) await refuseKeeping(driver, workspace.id, action.signal)
    await action.operation.step('delete', async (report, stepSignal) => {
      await driver.remove(workspace.id, report, stepSignal)
      if (!keepSnapshots) await removeSnapshots(driver, workspace.id, stepSignal)
    })
    const { builder } = {
      ...context.platform.settings.get().kubernetes.build,
      ...workspace.kubernetes?.build,
    }
    if (workspace.kubernetes && workspace.definition.build && builder !== undefined)
      await forgetBuilds(context, { target: { id: builder } }, workspace)
    context.mishap(workspace.id, undefined)
    await context.variables().forget(workspace.id)
    await context.settle(workspace.id, (now) => now === undefined)
  })
}

export async function rename(
  context: ActionContext,
  workspaceId: string,
  name: string,
  signal: AbortSignal,
): Promise<Operation> {
  const workspace = context.workspace(workspaceId)
  const { driver } = await context.target(workspace.targetId, signal)
  if (context.takenNames(workspaceId).has(name)) throw nameTaken(name)
  const fields = {
    kind: 'rename',
    workspaceId,
    workspaceName: workspace.name,
    targetId: workspace.targetId,
  } as const
  return context.guard.begin(fields, undefined, async (action) => {
    action.operation.plan([steps.rename])
    await action.operation.step('rename', (_report, stepSignal) =>
      driver.rename(workspaceId, name, stepSignal),
    )
    await context.settle(workspaceId, (now) => now === undefined || now.name === name)
  })
}
