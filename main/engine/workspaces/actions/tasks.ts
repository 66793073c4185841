import { type Definition, problem, type Task, toProblem } from '#contract'
import { inOrderOfTerminals, taskLine } from '../../definitions/tasks'
import type { Action } from '../guard'
import { type ActionContext, steps } from './context'
import { putObjects } from './objects'

/** Begins a task in a terminal of its own; resolves when it runs. Rejects with a `ProblemError`. */
export type BeginTask = (
  task: {
    readonly workspaceId: string
    readonly name: string
    /** Absent: in the workspace's own container. */
    readonly service?: string
    /** Absent: only its shell. */
    readonly line?: string
    readonly cwd?: string
    readonly env: Readonly<Record<string, string>>
  },
  signal: AbortSignal,
) => Promise<void>

/** Of a workspace's run: its first, in which tasks initialise what they need, or a later one. */
export interface RunOfTasks {
  readonly first: boolean
}

/** What is to be begun for a task. */
function asked(workspaceId: string, task: Task, run: RunOfTasks): Parameters<BeginTask>[0] {
  const { env, service, workingFolder } = task
  const line = taskLine(task, run)
  return {
    workspaceId,
    name: task.label ?? task.name,
    env,
    ...(service === undefined ? {} : { service }),
    ...(line === undefined ? {} : { line }),
    ...(workingFolder === undefined ? {} : { cwd: workingFolder }),
  }
}

/**
 * Runs one task of a workspace because somebody wants it to: all of it, as the first time, or its objects alone.
 * Resolves when these are in the cluster, and what is left of it runs.
 */
export async function runTask(
  context: ActionContext,
  workspaceId: string,
  name: string,
  part: 'objects' | undefined,
  signal: AbortSignal,
): Promise<void> {
  const workspace = context.workspace(workspaceId)
  const task = workspace.definition.tasks.find((one) => one.name === name)
  if (!task)
    throw problem({
      code: 'not-found',
      title: `${workspace.name} has no task ${name}`,
      cause: 'Its definition names no such task, or does not any more.',
      remedy: 'Choose one of those that it has.',
    })
  const { objects = [] } = task
  if (objects.length > 0) await putObjects(context, workspace, objects, signal)
  const asks = asked(workspaceId, task, { first: true })
  if (part === 'objects' || (objects.length > 0 && asks.line === undefined)) return
  await context.beginTask(asks, signal)
}

/** Those that begin by themselves in a run. One that only initialises has nothing to do in a later one. */
function due({ tasks }: Definition, run: RunOfTasks): Task[] {
  return inOrderOfTerminals(tasks).filter((task) => {
    const isShell = !task.before && !task.init && !task.command
    return task.automatic && (isShell || taskLine(task, run) !== undefined)
  })
}

export function planTasks(action: Action, definition: Definition, run: RunOfTasks): void {
  if (due(definition, run).length > 0) action.operation.plan([steps.tasks])
}

/**
 * Begins the tasks of a workspace that has become ready. One that cannot be begun keeps nobody from working: it is
 * told. Never rejects.
 */
export async function beginTasks(
  context: ActionContext,
  action: Action,
  definition: Definition,
  run: RunOfTasks,
): Promise<void> {
  const tasks = due(definition, run)
  if (tasks.length === 0) return
  const { workspaceId } = action.operation
  const begin = async (task: Task, signal: AbortSignal): Promise<string | undefined> => {
    try {
      await context.beginTask(asked(workspaceId, task, run), signal)
      return undefined
    } catch (error) {
      if (signal.aborted) throw error
      const { title, cause } = toProblem(error)
      return `${task.label ?? task.name} was not begun. ${title}: ${cause}`
    }
  }
  try {
    await action.operation.step('tasks', async (report, signal) => {
      const told = await Promise.all(tasks.map((task) => begin(task, signal)))
      const failures = told.filter((text) => text !== undefined)
      for (const text of failures) report.output(`${text}\n`)
      report.result(failures[0] ?? tasks.map(({ label, name }) => label ?? name).join(', '))
    })
  } catch (error) {
    // Somebody stops the workspace meanwhile, say.
    if (!action.signal.aborted) throw error
  }
}
