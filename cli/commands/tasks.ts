import { basename } from 'node:path/posix'
import { problem, type Task, toProblem, type Workspace } from '#contract'
import { objectsOfTask, taskLine } from '../../main/engine/definitions/tasks'
import { Companion } from '../accompany'
import { commandName } from '../command-name'
import { isAttended } from '../consent'
import type { TaskRunDocument, TasksDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { terminalEnvironment } from '../raw-mode'
import { findWorkspace, requireRunning } from '../select'
import { printable, table } from '../text'
import { attach, execFailure, exitCode } from './exec'

/** Shells that read the lines of a task themselves; of others that is `sh`. */
const POSIX_SHELLS = /^(?:ba|da|a|z|k|mk)?sh$/

/** `berth tasks`: what the definition of a workspace has to run. */
export async function listTasks(context: CommandContext, text: string): Promise<undefined> {
  const engine = await context.engine()
  const workspace = await findWorkspace(engine, text, context.signal)
  const { tasks } = workspace.definition
  if (context.json) {
    const { id, name, targetId: target } = workspace
    context.document({
      workspace: { id, name, target },
      tasks: tasks.map((task) => ({
        name: task.name,
        label: task.label ?? null,
        automatic: task.automatic,
        group: task.group ?? null,
        isDefault: task.isDefault ?? false,
        objects: objectsOfTask(task, workspace.definition),
        command: taskLine(task, { first: true }) ?? null,
        service: task.service ?? null,
        folder: placeOf(task, workspace).cwd ?? null,
      })),
    } satisfies TasksDocument)
    return
  }
  if (tasks.length === 0) {
    context.say(`The definition of ${printable(workspace.name)} has no tasks.`)
    return
  }
  context.print(
    table(
      ['NAME', 'GROUP', 'BEGINS', 'RUNS'],
      tasks.map((task) => [
        task.name,
        `${task.group ?? ''}${task.isDefault ? ' (default)' : ''}`,
        task.automatic ? 'with the workspace' : 'when asked',
        shownLine(task, workspace),
      ]),
    ),
  )
}

export interface RunTaskOptions {
  readonly background?: boolean
  /** Commander's name for `--no-tty`. */
  readonly tty: boolean
}

/**
 * `berth tasks run`: a task here and now, to its end, whose exit code is this command's; or in a terminal of its own,
 * which goes on without this command.
 */
export async function runTask(
  context: CommandContext,
  text: string,
  named: string,
  options: RunTaskOptions,
): Promise<number | undefined> {
  if (context.json && !options.background)
    throw new UsageError('What a task prints is no JSON: --json goes with --background.')
  const engine = await context.engine({ attended: () => isAttended(context.console) })
  const workspace = await findWorkspace(engine, text, context.signal)
  const task = findTask(workspace, named)
  requireRunning(workspace)
  const objects = objectsOfTask(task, workspace.definition)
  const isAll = objects.length > 0 && taskLine(task, { first: true }) === undefined
  const called = { workspaceId: workspace.id, name: task.name }
  if (objects.length > 0 && (isAll || !options.background)) {
    await engine.call('workspaces.runTask', { ...called, part: 'objects' }, context.signal)
    if (!context.json) context.say(`In the cluster: ${objects.join(', ')}`)
    if (isAll && !options.background) return undefined
  }
  if (options.background) {
    if (!isAll) await engine.call('workspaces.runTask', called, context.signal)
    const { id, name, targetId: target } = workspace
    if (context.json)
      context.document({ workspace: { id, name, target }, task: task.name } satisfies TaskRunDocument)
    else if (!isAll)
      context.say(
        `${printable(task.label ?? task.name)} runs in a terminal of its own, which the window shows.`,
      )
    return undefined
  }
  const { console } = context
  const tty = options.tty && console.stdinIsTerminal && console.stdoutIsTerminal
  try {
    const running = await engine.links.get(workspace.id).exec(
      {
        ...commandOf(task, workspace),
        ...(tty ? { tty: console.size() } : {}),
        ...placeOf(task, workspace),
        env: { ...(tty ? terminalEnvironment(process.env) : {}), ...task.env },
      },
      context.signal,
    )
    const companion = new Companion(engine, workspace)
    const label = task.label ?? task.name
    if (tty) companion.watch(running, console.stdin, label)
    else companion.keep('command', label)
    const attached = await attach(context, engine, running, tty, true).finally(() => companion.end())
    return await exitCode(context, engine, workspace, attached)
  } catch (error) {
    return execFailure(context, toProblem(error))
  }
}

/** Where a task runs. */
function placeOf(
  { service, workingFolder }: Task,
  { definition }: Pick<Workspace, 'definition'>,
): { readonly service?: string; readonly cwd?: string } {
  if (service === undefined) return { cwd: workingFolder ?? definition.workspaceFolder }
  return { service, ...(workingFolder !== undefined && { cwd: workingFolder }) }
}

/** A task without lines is a shell. */
function commandOf(task: Task, { user }: Pick<Workspace, 'user'>) {
  const line = taskLine(task, { first: true })
  if (line === undefined) return { shell: 'login' as const }
  if (task.service !== undefined) return { command: ['/bin/sh', '-c', line] }
  const shell = user.shell !== undefined && POSIX_SHELLS.test(basename(user.shell)) ? user.shell : 'sh'
  return { command: [shell, '-c', line], probed: true }
}

/** By its name, else by what people are shown. */
export function findTask({ name, definition }: Pick<Workspace, 'name' | 'definition'>, text: string): Task {
  const { tasks } = definition
  const found =
    tasks.find((task) => task.name === text) ??
    only(tasks.filter(({ label }) => label?.toLowerCase() === text.toLowerCase())) ??
    only(tasks.filter((task) => task.name.toLowerCase() === text.toLowerCase()))
  if (found) return found
  const all = tasks.map((task) => task.name).join(', ')
  throw problem({
    code: 'not-found',
    title: `${name} has no task ${text}`,
    cause: all ? `Its definition has ${all}.` : 'Its definition has no tasks.',
    remedy: `See \`${commandName()} tasks ${name}\`.`,
  })
}

const only = (tasks: readonly Task[]) => (tasks.length === 1 ? tasks[0] : undefined)

/** On one line. */
function shownLine(task: Task, { definition }: Pick<Workspace, 'definition'>): string {
  const objects = objectsOfTask(task, definition)
  const parts = [task.before, task.init, task.command].filter((part) => part !== undefined)
  const text = parts
    .join(' && ')
    .replace(/\s*\n\s*/g, '; ')
    .trim()
  if (text === '' && objects.length === 0) return 'a shell'
  const put = objects.length === 0 ? '' : `[${objects.join(', ')}]`
  const all = [put, text].filter((one) => one !== '').join(' ')
  const whole = task.service === undefined ? all : `${all} (in ${task.service})`
  return whole.length > 60 ? `${whole.slice(0, 59)}…` : whole
}
