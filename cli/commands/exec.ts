import { type Problem, toProblem, type Workspace } from '#contract'
import type { ExecProcess } from '../../main/engine/drivers/driver'
import type { Engine } from '../../main/engine/engine'
import { Companion } from '../accompany'
import { type Attached, attachStreams, attachTerminal } from '../attach'
import { whyEnded } from '../attend-workspaces'
import { isAttended } from '../consent'
import type { CommandContext } from '../execute'
import { exitCodes, UsageError } from '../exit-codes'
import { problemText } from '../problem-text'
import { terminalEnvironment } from '../raw-mode'
import { findWorkspace, requireRunning } from '../select'

/** 128 + SIGKILL: how everything in a workspace ends that is stopped. */
const KILLED = 137

export interface ExecCommandOptions {
  readonly tty?: boolean
  readonly service?: string
  readonly user?: string
  readonly workdir?: string
  readonly env?: readonly string[]
  /** Commander's name for `--no-stdin`. */
  readonly stdin: boolean
}

/** `berth exec`: runs a command in a workspace, as if it ran here. */
export async function exec(
  context: CommandContext,
  text: string,
  command: readonly string[],
  options: ExecCommandOptions,
): Promise<number> {
  const { console } = context
  const tty = options.tty === true
  const env = parseEnvironment(options.env ?? [], process.env)
  try {
    const engine = await context.engine({ attended: () => isAttended(console) })
    const workspace = await findWorkspace(engine, text, context.signal)
    requireRunning(workspace)
    const running = await engine.links.get(workspace.id).exec(
      {
        command,
        ...(options.service === undefined ? { probed: true } : { service: options.service }),
        ...(tty ? { tty: console.size() } : {}),
        ...(options.user === undefined ? {} : { user: options.user }),
        ...(options.workdir === undefined ? {} : { cwd: options.workdir }),
        env: { ...(tty ? terminalEnvironment(process.env) : {}), ...env },
      },
      context.signal,
    )
    const companion = new Companion(engine, workspace)
    if (tty) companion.watch(running, console.stdin, command[0] ?? '')
    else companion.keep('command', command[0])
    const attached = attach(context, engine, running, tty, options.stdin).finally(() => companion.end())
    return await exitCode(context, engine, workspace, await attached)
  } catch (error) {
    return execFailure(context, toProblem(error))
  }
}

/** Joins it to this command's terminal, or to its streams. */
export function attach(
  context: CommandContext,
  engine: Engine,
  running: ExecProcess,
  tty: boolean,
  stdin: boolean,
): Promise<Attached> {
  return tty
    ? attachTerminal(context, engine, running, { detach: false })
    : attachStreams(context, engine, running, { stdin })
}

/** `berth terminal`: the login shell of the workspace, or the shell of one of its services, until it ends. */
export async function terminal(
  context: CommandContext,
  text: string,
  { service }: { readonly service?: string },
): Promise<number> {
  const { console } = context
  if (!console.stdinIsTerminal || !console.stdoutIsTerminal)
    throw new UsageError('A terminal needs a terminal. For a single command there is `berth exec`.')
  try {
    const engine = await context.engine({ attended: () => isAttended(console) })
    const workspace = await findWorkspace(engine, text, context.signal)
    requireRunning(workspace)
    const running = await engine.links.get(workspace.id).exec(
      {
        shell: 'login',
        tty: console.size(),
        env: terminalEnvironment(process.env),
        ...(service !== undefined && { service }),
      },
      context.signal,
    )
    const companion = new Companion(engine, workspace)
    companion.watch(running, console.stdin, 'a terminal')
    const attached = attachTerminal(context, engine, running, { detach: true }).finally(() => companion.end())
    return await exitCode(context, engine, workspace, await attached)
  } catch (error) {
    return execFailure(context, toProblem(error))
  }
}

/** The command's own exit code, or one that says what became of it. */
export async function exitCode(
  context: CommandContext,
  engine: Engine,
  workspace: Workspace,
  { exit, left }: Attached,
): Promise<number> {
  if (left) {
    context.say('\r\nLeft. What still ran in it was ended.')
    return exitCodes.cancelled
  }
  if (exit.code === null && context.signal.aborted) return exitCodes.cancelled
  if (exit.code === null || exit.code === KILLED) {
    const why = await whyEnded(engine, workspace)
    if (why !== undefined) {
      context.say(`\n${why}`)
      // One that is gone has often taken along how what ran in it ended.
      return KILLED
    }
  }
  if (exit.code !== null) return exit.code
  return execFailure(
    context,
    exit.problem ?? {
      code: 'connection-lost',
      title: 'The connection to the command was lost',
      cause: 'Its exit code is not known.',
      remedy: 'See whether the workspace runs, and try again.',
    },
  )
}

/** `docker exec`'s codes: what is wrong with the command itself can be told from what is wrong with us. */
export function execFailure(context: CommandContext, problem: Problem): number {
  if (problem.code === 'cancelled') return exitCodes.cancelled
  context.console.stderr.write(`${problemText(problem, context.console.stderrIsCapable)}\n`)
  if (problem.code === 'command-not-found') return exitCodes.commandNotFound
  if (problem.code === 'permission-denied') return exitCodes.notExecutable
  return exitCodes.execFailed
}

/** `NAME=value`, or `NAME` alone for the value that it has here. */
export function parseEnvironment(
  entries: readonly string[],
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const result: Record<string, string> = {}
  for (const entry of entries) {
    const equals = entry.indexOf('=')
    const name = equals < 0 ? entry : entry.slice(0, equals)
    if (name === '') throw new UsageError(`--env takes NAME=value or NAME, and not “${entry}”.`)
    const value = equals < 0 ? own[name] : entry.slice(equals + 1)
    if (value !== undefined) result[name] = value
  }
  return result
}
