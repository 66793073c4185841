import type { Problem } from '#contract'
import type { Engine } from '../main/engine/engine'
import type { Selection } from '../main/engine/platform/collection'
import { type Console, openConsole } from './console'
import { drained } from './descriptor-stream'
import type { ProblemDocument } from './documents'
import { exitCodes, UsageError } from './exit-codes'
import { Interrupts } from './interrupts'
import { problemText } from './problem-text'
import { printableLine } from './text'

/** What every command gets. */
export interface CommandContext {
  readonly console: Console
  /** One JSON document on stdout in place of text. */
  readonly json: boolean
  /** No progress on stderr. */
  readonly quiet: boolean
  readonly interrupts: Interrupts
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal
  /** Started at the first call, ended after the command. */
  engine(options?: EngineOptions): Promise<Engine>
  /** A line for people, on stderr; nothing with `--quiet`. */
  say(line: string): void
  /** A line of the command's result, on stdout. */
  print(line: string): void
  /** The command's one document, on stdout. */
  document(document: object): void
}

export interface EngineOptions {
  /** Whose ports this process watches and forwards. Absent: nobody's. */
  readonly followed?: Selection
  /** Whether somebody answers questions of workspaces, see `attendConsents`. Absent: never. */
  readonly attended?: () => boolean
  /** Overrides the user's setting for this process. */
  readonly autoForward?: boolean
  /** Lets SSH clients of other Berth processes through this one. */
  readonly sharesGateway?: boolean
}

export interface CommonOptions {
  readonly json?: boolean
  /** With `json`: each document takes one line, because there may be several. */
  readonly lines?: boolean
  readonly quiet?: boolean
}

/** A command: returns its exit code, or nothing for success. Throws a `ProblemError` or a `UsageError`. */
export type CommandAction = (context: CommandContext) => Promise<number | undefined>

/** How long the engine may take to end before the process ends without it. */
const DISPOSE_LIMIT = 10_000

/** Runs one command from start to end and returns the exit code. Never throws. */
export async function execute(options: CommonOptions, action: CommandAction): Promise<number> {
  const console = openConsole(process.env)
  const interrupts = new Interrupts()
  const stopListening = interrupts.listen()
  const json = options.json === true
  const quiet = options.quiet === true
  let engine: Engine | undefined
  let broken = false

  console.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read our output has seen enough (`| head`): end as quietly as other programs do.
    broken = true
    interrupts.abort()
    if (error.code !== 'EPIPE' && !quiet)
      console.stderr.write(`berth: cannot write the output: ${error.message}\n`)
  })
  // Without stderr there is nobody left to tell.
  console.stderr.on('error', () => undefined)

  const context: CommandContext = {
    console,
    json,
    quiet,
    interrupts,
    signal: interrupts.signal,
    async engine(engineOptions) {
      if (!engine) {
        const { openEngine } = await import('./engine')
        engine = openEngine(engineOptions)
      }
      return engine
    },
    say(line) {
      if (!quiet) console.stderr.write(`${printableLine(line)}\n`)
    },
    print(line) {
      // Whatever else reads it gets every byte.
      console.stdout.write(`${console.stdoutIsTerminal ? printableLine(line) : line}\n`)
    },
    document(document) {
      console.stdout.write(`${JSON.stringify(document, null, options.lines ? 0 : 2)}\n`)
    },
  }

  let code: number
  try {
    code = (await action(context)) ?? exitCodes.ok
  } catch (error) {
    code = await report(context, error)
  }
  await drained(console.stdout)
  await drained(console.stderr)
  const ended = await endEngine(engine)
  if (!ended && !quiet) console.stderr.write('berth: the engine did not end in time\n')
  stopListening()
  return broken ? exitCodes.brokenPipe : code
}

async function report(context: CommandContext, error: unknown): Promise<number> {
  if (error instanceof UsageError) {
    return fail(context, usageProblem(error.message), exitCodes.usage)
  }
  const { toProblem } = await import('#contract/problem')
  const problem = context.signal.aborted && isAbort(error) ? cancelledProblem() : toProblem(error)
  return fail(context, problem, problem.code === 'cancelled' ? exitCodes.cancelled : exitCodes.problem)
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function fail(context: CommandContext, problem: Problem, code: number): number {
  if (context.json) context.document({ problem } satisfies ProblemDocument)
  else if (problem.code === 'cancelled') context.say('Cancelled.')
  else context.console.stderr.write(`${problemText(problem, context.console.stderrIsCapable)}\n`)
  return code
}

export function usageProblem(message: string): Problem {
  return {
    code: 'invalid-input',
    title: 'The command line is not valid',
    cause: message,
    remedy: 'See `berth --help`, and `berth <command> --help`.',
  }
}

function cancelledProblem(): Problem {
  return { code: 'cancelled', title: 'Cancelled', cause: 'It was interrupted.', remedy: '' }
}

async function endEngine(engine: Engine | undefined): Promise<boolean> {
  if (!engine) return true
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, DISPOSE_LIMIT, false)
  })
  const ended = await Promise.race([engine.dispose().then(() => true), limit])
  clearTimeout(timer)
  return ended
}
