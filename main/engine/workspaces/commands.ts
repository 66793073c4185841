import type { Readable } from 'node:stream'
import {
  type Definition,
  type EventStep,
  type LifecycleCommand,
  type LifecyclePhase,
  lifecyclePhases,
  type Problem,
  ProblemError,
  problem,
} from '#contract'
import type { Link } from '../link/link'
import type { Platform } from '../platform/platform'
import { needsContainerEnvironment, substituteEnvironment } from '../platform/variables'
import { runInOrder } from './event-steps'
import type { ActionReport } from './operations'

/** Phases that run inside the workspace, in their order (containers.dev, "Lifecycle scripts"). */
export const workspacePhases = lifecyclePhases.filter((phase) => phase !== 'initializeCommand')
/** Those that run each time that it starts. */
export const startPhases: readonly LifecyclePhase[] = ['postStartCommand', 'postAttachCommand']

/** What runs commands, of a workspace or of what becomes one. */
type Inside = Pick<Link, 'workspaceId' | 'exec'>

/** How much of a failed command's output goes into its Problem, in characters. */
const tailKept = 4096

/** Which of `phases` have something to do, up to and after the one that the workspace is ready with. */
export function splitPhases(
  definition: Definition,
  phases: readonly LifecyclePhase[],
): { readonly before: readonly LifecyclePhase[]; readonly after: readonly LifecyclePhase[] } {
  const ready = lifecyclePhases.indexOf(definition.waitFor)
  const wanted = phases.filter((phase) => commandsOfPhase(definition, phase).length > 0)
  return {
    before: wanted.filter((phase) => lifecyclePhases.indexOf(phase) <= ready),
    after: wanted.filter((phase) => lifecyclePhases.indexOf(phase) > ready),
  }
}

/** A lifecycle command, or steps in several containers, and whose it is where that is not the definition's file. */
type PhaseCommand = { readonly origin?: string } & (
  | { readonly command: LifecycleCommand }
  | { readonly steps: readonly EventStep[] }
)

/** What runs in a phase, one after the other: what Features and the image brought comes before the definition's own. */
function commandsOfPhase(
  { contributedLifecycle = [], lifecycle, eventSteps }: Definition,
  phase: LifecyclePhase,
): PhaseCommand[] {
  const steps = phase === 'postStartCommand' ? eventSteps?.postStart : undefined
  const own = lifecycle[phase]
  const brought = contributedLifecycle.flatMap(({ origin, lifecycle: { [phase]: command } }) =>
    command === undefined ? [] : [{ origin, command }],
  )
  if (steps) return [...brought, { steps }]
  return own === undefined ? brought : [...brought, { command: own }]
}

interface NamedCommand {
  /** Empty unless several run side by side. */
  readonly name: string
  readonly command: string | readonly string[]
}

function commandsOf(command: LifecycleCommand): NamedCommand[] {
  return typeof command === 'string' || Array.isArray(command)
    ? [{ name: '', command }]
    : Object.entries(command).map(([name, each]) => ({ name, command: each }))
}

/**
 * Runs the ways a command is written; `execute` gets an argument vector and returns the exit code. What `fill` puts into
 * it may be secret: it is shown as it is written.
 */
async function runCommands(
  phase: string,
  command: LifecycleCommand,
  fill: (text: string) => string,
  shell: readonly string[],
  report: ActionReport,
  execute: (command: readonly string[], print: (text: string) => void) => Promise<number>,
): Promise<void> {
  const several = commandsOf(command)
  report.result(shown(several[0]?.command ?? ''))
  const ends = await Promise.allSettled(
    several.map(async ({ name, command: each }) => {
      let tail = ''
      const print = prefixed(name, (text) => {
        tail = (tail + text).slice(-tailKept)
        report.output(text)
      })
      const code = await execute(typeof each === 'string' ? [...shell, fill(each)] : each.map(fill), print)
      print('')
      if (code !== 0) throw lifecycleFailed(phase, name, each, `ended with exit code ${code}`, tail)
    }),
  )
  // All have ended by now: none goes on behind the back of the next phase.
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
}

function shown(command: string | readonly string[]): string {
  const text = typeof command === 'string' ? command : command.join(' ')
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/** Marks each line with the name of the command that printed it, where several run. An empty text flushes. */
function prefixed(name: string, print: (text: string) => void): (text: string) => void {
  if (name === '') return print
  let rest = ''
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = text === '' ? '' : (lines.pop() ?? '')
    const whole = lines.filter((line, index) => text !== '' || line !== '' || index < lines.length - 1)
    if (whole.length > 0) print(whole.map((line) => `[${name}] ${line}\n`).join(''))
  }
}

function lifecycleFailed(
  phase: string,
  name: string,
  command: string | readonly string[],
  how: string,
  output: string,
): ProblemError {
  return problem({
    code: 'lifecycle-failed',
    title: `${phase} failed`,
    cause: `“${shown(command)}”${name ? ` (${name})` : ''} ${how}.`,
    remedy: 'Look at what it printed, mend the command, and rebuild.',
    ...(output.trim() ? { detail: output } : {}),
  })
}

/** Feeds text to `print` as it comes, whole characters only. */
async function follow(stream: Readable, print: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  try {
    for await (const chunk of stream) print(decoder.decode(chunk as Uint8Array, { stream: true }))
  } catch {
    // A connection that breaks shows in the process's exit, with its reason.
  }
  print(decoder.decode())
}

/** Waits for what is under way, but no longer than until the signal. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/**
 * Runs one phase inside the workspace, as the workspace user. Rejects with `lifecycle-failed`, and what comes after the
 * command that failed does not run; aborting ends the commands and what they started.
 */
export async function runPhase(
  phase: LifecyclePhase,
  definition: Definition,
  link: Inside,
  platform: Platform,
  hasShell: boolean,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  for (const { origin, ...what } of commandsOfPhase(definition, phase)) {
    if (origin !== undefined) report.output(`From ${origin}\n`)
    const name = origin === undefined ? phase : `${phase} of ${origin}`
    if ('steps' in what) await runSteps(name, what.steps, link, platform, hasShell, report, signal)
    else await runCommand(name, what.command, link, platform, hasShell, report, signal)
  }
}

/** Runs the steps of an event, each in its own container. See {@link runPhase}. */
export async function runSteps(
  phase: string,
  steps: readonly EventStep[],
  link: Inside,
  platform: Platform,
  hasShell: boolean,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  await runInOrder(steps, ({ name, service, line }) => {
    const command = steps.length > 1 ? { [name]: line } : line
    if (service === undefined) return runCommand(phase, command, link, platform, hasShell, report, signal)
    const there: Inside = {
      workspaceId: link.workspaceId,
      exec: (options, until) => link.exec({ ...options, service }, until),
    }
    // Whether a service has a shell it says itself.
    return runCommand(`${phase} in ${service}`, command, there, platform, true, report, signal)
  })
}

/** One command of a phase, or another one; `phase` says which one it is, for messages. See {@link runPhase}. */
export async function runCommand(
  phase: string,
  command: LifecycleCommand,
  link: Inside,
  platform: Platform,
  hasShell: boolean,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  const line = commandsOf(command).find((each) => typeof each.command === 'string')
  if (line && !hasShell) throw noShell(phase, line.command)
  const execute = async (argv: readonly string[], print: (text: string) => void): Promise<number> => {
    const running = await link.exec({ command: argv, probed: true }, signal)
    try {
      running.stdin.end()
      const output = [
        follow(running.stdout, print),
        ...(running.stderr ? [follow(running.stderr, print)] : []),
      ]
      const { code, problem: lost } = await orAbort(
        Promise.all(output).then(() => running.exit),
        signal,
      )
      if (code === null) {
        throw new ProblemError(
          lost ?? {
            code: 'exec-failed',
            title: `${phase} was lost`,
            cause: 'It ended.',
            remedy: 'Rebuild the workspace to run it again.',
          },
        )
      }
      return code
    } finally {
      // Only who cancels ends them: when Berth itself ends, a server that was started here runs on.
      if (signal.aborted) running.destroy()
    }
  }
  const sources = needsContainerEnvironment(JSON.stringify(command))
    ? { local: platform.env, container: await containerEnvironment(link, signal) }
    : { local: platform.env }
  const fill = (text: string) => substituteEnvironment(text, sources)
  try {
    await runCommands(phase, command, fill, ['/bin/sh', '-c'], report, execute)
  } catch (error) {
    throw asLifecycleProblem(phase, command, error, link.workspaceId)
  }
}

function noShell(phase: string, command: NamedCommand['command']): ProblemError {
  return problem({
    code: 'no-shell',
    title: `${phase} needs a shell`,
    cause: `“${shown(command)}” is a shell line, and the image has no shell.`,
    remedy: 'Write the command as a list of arguments, or use an image with a shell.',
  })
}

/** Whatever kept a command from running is told as its failure; a cancel stays one. */
function asLifecycleProblem(
  phase: string,
  command: LifecycleCommand,
  error: unknown,
  workspaceId: string,
): unknown {
  if (!(error instanceof ProblemError)) return error
  const inner: Problem = error.problem
  if (inner.code === 'cancelled') return error
  const actions: Problem['actions'] = [{ kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId }]
  if (inner.code === 'lifecycle-failed') return problem({ ...inner, actions }, error)
  const first = commandsOf(command)[0]?.command ?? ''
  return problem(
    {
      code: 'lifecycle-failed',
      title: `${phase} failed`,
      cause: `“${shown(first)}” could not be run: ${inner.cause}`,
      remedy: inner.remedy || 'Mend the command or the image, and rebuild.',
      ...(inner.detail ? { detail: inner.detail } : {}),
      actions,
    },
    error,
  )
}

/** The environment of the running workspace, asked of itself. Empty where it has no `env`. */
async function containerEnvironment(link: Inside, signal: AbortSignal): Promise<Record<string, string>> {
  const running = await link.exec({ command: ['env', '-0'] }, signal)
  running.stdin.end()
  running.stderr?.resume()
  let text = ''
  await follow(running.stdout, (more) => {
    text += more
  })
  await running.exit
  const entries = text.split('\0').filter((line) => line.includes('='))
  return Object.fromEntries(
    entries.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** Runs `initializeCommand` in a folder of this machine, with the user's own shell environment. */
export async function runInitialize(
  command: LifecycleCommand,
  folder: string,
  platform: Platform,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  const fill = (text: string) => substituteEnvironment(text, { local: platform.env })
  const shell = process.platform === 'win32' ? ['cmd.exe', '/d', '/s', '/c'] : ['/bin/sh', '-c']
  await runCommands('initializeCommand', command, fill, shell, report, async (argv, print) => {
    const [file = '', ...args] = argv
    const child = platform.processes.spawn(file, args, {
      cwd: folder,
      env: platform.env,
      signal,
      group: true,
    })
    child.stdin.end()
    await Promise.all([follow(child.stdout, print), follow(child.stderr, print)])
    const { code, error } = await child.exit
    signal.throwIfAborted()
    if (error)
      throw lifecycleFailed('initializeCommand', '', argv, `could not be started: ${error.message}`, '')
    return code ?? 1
  })
}
