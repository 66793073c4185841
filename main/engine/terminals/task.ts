import { basename } from 'node:path/posix'
import type { Readable } from 'node:stream'
import type { ExecProcess } from '../link/link'
import { within } from './within'

/** Something to run in a terminal of its own, with a shell that goes on when it has ended. */
export interface TaskToBegin {
  readonly workspaceId: string
  /** Also the title of its terminal. */
  readonly name: string
  /** Absent: in the workspace's own container. */
  readonly service?: string
  /** A shell line, which may have several lines; absent: the shell alone. */
  readonly line?: string
  /** Absent: the workspace folder. */
  readonly cwd?: string
  readonly env: Readonly<Record<string, string>>
}

/** What a session needs to begin a task. */
export interface TaskStart {
  readonly env: Readonly<Record<string, string>>
  /** Typed into the shell. */
  readonly input: string
  /** Whether it may end with this engine where nothing in the workspace keeps it. */
  readonly mayPass: boolean
}

/** How long a shell has to show its prompt before it is typed into, in milliseconds. */
const PROMPT_LIMIT = 2_000
/** And then to show what was typed, in milliseconds. */
const ECHO_LIMIT = 3_000

const VARIABLE = 'BERTH_TASK'
/** Those that read the line themselves, so that what it exports is there for whoever types next. */
const POSIX_SHELLS = /^(?:sh|bash|dash|ash|zsh|ksh|ksh93|mksh|busybox)$/

/**
 * The line goes in by a variable, as a shell would complete tabs and expand history in what is typed. One blank ahead
 * keeps it out of the history of most shells.
 */
export function startOfTask(
  { line, env }: Pick<TaskToBegin, 'line' | 'env'>,
  shell: string,
  mayPass: boolean,
): TaskStart {
  if (line === undefined) return { env, input: '', mayPass }
  const run = POSIX_SHELLS.test(basename(shell)) ? 'eval' : 'sh -c'
  return {
    env: { ...env, [VARIABLE]: `unset ${VARIABLE}\n${line}` },
    input: ` ${run} "$${VARIABLE}"\r`,
    mayPass,
  }
}

/**
 * Types once the shell shows its prompt: what is typed ahead of that is shown twice. Resolves when the terminal shows
 * that it was typed, so that whoever has begun the task may leave it; of one that shows nothing that is believed after
 * a while.
 */
export async function typeTask(
  { input }: TaskStart,
  { stdout }: ExecProcess,
  type: (input: Buffer) => void,
): Promise<void> {
  if (input === '') return
  const heard = hear(stdout)
  await within(heard.anything, PROMPT_LIMIT)
  type(Buffer.from(input))
  await within(heard.variable, ECHO_LIMIT)
  heard.stop()
}

function hear(stdout: Readable) {
  let tail = ''
  let printed: () => void = () => undefined
  let named: () => void = () => undefined
  const anything = new Promise<void>((resolve) => {
    printed = resolve
  })
  const variable = new Promise<void>((resolve) => {
    named = resolve
  })
  const listen = (chunk: Uint8Array) => {
    printed()
    tail += Buffer.from(chunk).toString('latin1')
    if (tail.includes(VARIABLE)) named()
    tail = tail.slice(-VARIABLE.length)
  }
  stdout.on('data', listen)
  return { anything, variable, stop: () => void stdout.off('data', listen) }
}
