import type { Readable, Writable } from 'node:stream'

export interface ProcessOptions {
  readonly cwd?: string
  /** The whole environment; absent: the engine's own. Secrets go here or to stdin, never into arguments. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
  /** Kill the whole process group on abort and not the process alone. */
  readonly group?: boolean
  /**
   * Its stdin is this process's own terminal, and what it prints to stderr is shown there too: for programs that ask a
   * person something. Goes with {@link Platform.interactive}, and not with `group`, which would take the terminal away.
   */
  readonly terminal?: boolean
}

export interface RunningProcess {
  readonly pid: number
  /** Leads nowhere where the process has the terminal. */
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Never rejects: a command that cannot be started ends with code null and its error. */
  readonly exit: Promise<{
    readonly code: number | null
    readonly signal: string | null
    readonly error?: Error
  }>
  kill(signal?: NodeJS.Signals): void
}

export interface RunResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Present when it could not be started at all (`ENOENT` …). */
  readonly error?: NodeJS.ErrnoException
}

/** Programs of this machine: git, ssh, and what builds the base image. Arguments are a vector; no shell is involved. */
export interface Processes {
  spawn(command: string, args: readonly string[], options?: ProcessOptions): RunningProcess
  /** Runs to the end and returns what it printed (each stream's newest 10 MiB). Aborting kills it. */
  run(
    command: string,
    args: readonly string[],
    options?: ProcessOptions & { readonly input?: string },
  ): Promise<RunResult>
  /**
   * Starts a program that goes on by itself, and outlives this process; nobody hears what it prints. Resolves once it
   * runs, rejects with the system's error.
   */
  launch(command: string, args: readonly string[]): Promise<void>
}
