import { randomBytes } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type Problem, ProblemError, problem } from '#contract'
import type { Logger } from '../../../platform/logger'
import type { ExecExit, ExecOptions, ExecProcess } from '../../driver'
import { signalCommand, signalName } from '../../shared/signal-processes'
import type { ApiClient } from '../api'
import type { CommandEnding, CommandProtocol, RemoteCommand } from './command'
import { type ContainerAddress, openCommand } from './open-command'
import { readToEnd } from './output'
import { connectionLost, givenUp, podFailure } from './problems'
import type { ProtocolMemory } from './protocols'
import { type CommandEnd, readStatus } from './status'
import { type Identity, isSameUser, readSwitch, switchCommand } from './user'
import { type WrappedCommand, wrapCommand } from './wrapper'

/** How long a signal, or the question how to become a user, may take, in milliseconds. */
const QUICK = 20_000

/** Milliseconds between two tries to end a process. */
const LOOK_AGAIN = 250

export interface ExecDependencies {
  readonly client: ApiClient
  readonly logger: Logger
  /** Which protocol the server speaks. */
  readonly protocols: ProtocolMemory<CommandProtocol>
  /** Destroyed processes whose end inside the container is still under way; who disposes waits for them. */
  readonly ending: Set<Promise<void>>
}

export interface PodExecOptions extends ExecOptions {
  /** Who the container's processes run as, where that is known: saves asking when `user` is the same. */
  readonly runsAs?: Identity
  /**
   * False for an image without a shell. Its command is run as it is: there is nothing in the container that could
   * set a folder or environment, become another user, or send a signal.
   */
  readonly shell?: boolean
}

export interface PodProcess extends ExecProcess {
  /** False where the protocol cannot tell the process that its input has ended, see {@link RemoteCommand.stdin}. */
  readonly canEndInput: boolean
}

/** Starts a process in a container of a pod. See {@link Driver.exec}. */
export async function startExec(
  dependencies: ExecDependencies,
  pod: string,
  container: string,
  options: PodExecOptions,
  signal: AbortSignal,
): Promise<PodProcess> {
  const { client, protocols } = dependencies
  const title = `"${options.command[0] ?? ''}" could not be started`
  const place = { pod, container }
  const marker = randomBytes(12).toString('hex')
  let opening: Promise<RemoteCommand> | undefined
  try {
    signal.throwIfAborted()
    const command = await commandOf(dependencies, place, options, marker, title, signal)
    // Not given up with the caller: what has been asked for may begin at any time, and is to be ended then.
    opening = openCommand(client, protocols, place, command, options.tty !== undefined, unhurried())
    const remote = await unlessAborted(signal, opening)
    return new PodExec(dependencies, place, marker, options, remote)
  } catch (error) {
    if (opening && signal.aborted) {
      const begun = opening.then(
        (remote) => endProcess(dependencies, place, options.shell === false ? undefined : marker, remote),
        () => undefined,
      )
      track(dependencies, begun)
    }
    throw podFailure(client, error, title, signal)
  }
}

const unhurried = () => new AbortController().signal

/** Stops waiting when the signal aborts, and rejects with its reason; the work goes on. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined)
    throw signal.reason
  }
  const done = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: done.signal })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    done.abort()
  }
}

async function commandOf(
  dependencies: ExecDependencies,
  place: ContainerAddress,
  options: PodExecOptions,
  marker: string,
  title: string,
  signal: AbortSignal,
): Promise<WrappedCommand> {
  const { user, runsAs } = options
  const asItIs = user === undefined || isSameUser(user, runsAs)
  if (options.shell === false) {
    if (asItIs) return { command: options.command }
    throw problem({
      code: 'unsupported',
      title,
      cause: `The image has no shell, so nothing in the workspace can run a command as "${user}".`,
      remedy: 'Use an image with a shell, or set remoteUser to the user that the image runs as.',
    })
  }
  if (asItIs) return wrapCommand(options, marker, [])
  const { stdout, exit } = await runToEnd(dependencies, place, switchCommand(user), signal)
  if (exit.problem) throw new ProblemError(exit.problem)
  const { prefix, home } = readSwitch(user, stdout, title)
  const env = home === undefined ? options.env : { HOME: home, ...options.env }
  return wrapCommand({ ...options, ...(env && { env }) }, marker, prefix)
}

/** Runs a command that reads no input and says little, and gives what it said. */
export async function runToEnd(
  { client, protocols }: ExecDependencies,
  place: ContainerAddress,
  command: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly stdout: string; readonly stderr: string; readonly exit: ExecExit }> {
  const remote = await openCommand(client, protocols, place, { command }, false, signal)
  const onAbort = () => remote.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    remote.stdin.end()
    const ended = remote.ended.then((ending) => settle(remote, ending, client.identity.targetName))
    const [stdout, stderr] = await Promise.all([
      text(remote.stdout),
      remote.stderr ? text(remote.stderr) : '',
    ])
    const exit = await ended
    signal.throwIfAborted()
    return { stdout, stderr, exit }
  } finally {
    signal.removeEventListener('abort', onAbort)
    remote.destroy()
  }
}

/** Ends the outputs, behind what the runtime said of a program that it could not start, and tells the exit status. */
function settle(remote: RemoteCommand, { status, reason }: CommandEnding, targetName: string): ExecExit {
  const end = readStatus(status)
  if (end?.kind === 'not-started') remote.stdout.offer(Buffer.from(`${end.message}\n`))
  remote.finish()
  if (!end) return { code: null, problem: connectionLost(targetName, reason || status) }
  return end.kind === 'failed' ? { code: null, problem: failed(end, targetName) } : { code: end.code }
}

function failed({ message }: CommandEnd & { kind: 'failed' }, targetName: string): Problem {
  if (/not (running|found)|no such (container|process)|is terminated|has exited/i.test(message)) {
    return {
      ...connectionLost(targetName, message),
      cause: 'The container ended, or is just being replaced.',
    }
  }
  return {
    code: 'exec-failed',
    title: 'The process could not be run',
    cause: `The node answered: ${message}`,
    remedy: 'Check the command and its folder; if they are right, restart the workspace.',
    detail: message,
  }
}

class PodExec implements PodProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable | null
  readonly exit: Promise<ExecExit>
  readonly canEndInput: boolean
  readonly #dependencies: ExecDependencies
  readonly #place: ContainerAddress
  readonly #marker: string
  readonly #hasShell: boolean
  readonly #remote: RemoteCommand
  #size: { columns: number; rows: number } | undefined
  #destroyed = false
  #giveUp: () => void = () => undefined
  /** The connection has nothing more to say. */
  #over = false

  constructor(
    dependencies: ExecDependencies,
    place: ContainerAddress,
    marker: string,
    options: PodExecOptions,
    remote: RemoteCommand,
  ) {
    this.#dependencies = dependencies
    this.#place = place
    this.#marker = marker
    this.#hasShell = options.shell !== false
    this.#remote = remote
    this.stdin = remote.stdin
    this.stdout = remote.stdout
    this.stderr = remote.stderr
    this.canEndInput = remote.protocol !== 'websocket-v4' || options.tty !== undefined
    if (options.tty) {
      this.#size = options.tty
      remote.resize(options.tty.columns, options.tty.rows)
      // A size that comes before the process has its terminal is dropped by some runtimes.
      remote.stdout.onFirst(() => this.#sendSize())
    }
    this.exit = this.#follow()
  }

  async #follow(): Promise<ExecExit> {
    const destroyed = new Promise<undefined>((resolve) => {
      this.#giveUp = () => resolve(undefined)
    })
    const ending = await Promise.race([this.#remote.ended, destroyed])
    this.#over = true
    if (!ending) return { code: null, problem: givenUp() }
    const { targetName } = this.#dependencies.client.identity
    const exit = settle(this.#remote, ending, targetName)
    await Promise.all([readToEnd(this.stdout), this.stderr && readToEnd(this.stderr)])
    this.#remote.destroy()
    return exit
  }

  #sendSize(): void {
    if (this.#size && !this.#over) this.#remote.resize(this.#size.columns, this.#size.rows)
  }

  async resize(columns: number, rows: number): Promise<void> {
    if (!this.#size) return
    this.#size = { columns, rows }
    this.#sendSize()
  }

  async kill(signal: string): Promise<void> {
    const name = signalName(signal)
    if (this.#over) return
    if (!this.#hasShell) throw cannotSignal()
    await signalMarked(this.#dependencies, this.#place, this.#marker, [name])
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    const running = !this.#over
    this.#over = true
    this.stdin.destroy()
    this.stdout.destroy()
    this.stderr?.destroy()
    this.#giveUp()
    if (!running) this.#remote.destroy()
    else track(this.#dependencies, this.#end())
  }

  #end(): Promise<void> {
    const marker = this.#hasShell ? this.#marker : undefined
    return endProcess(this.#dependencies, this.#place, marker, this.#remote)
  }
}

/** Has who disposes of the driver wait for it. */
function track({ ending, logger }: ExecDependencies, work: Promise<void>): void {
  const done = work
    .catch((error: unknown) => {
      logger.debug('exec: what was left of a process could not be ended', { error: String(error) })
    })
    .finally(() => ending.delete(done))
  ending.add(done)
}

/**
 * Ends the process of a command. It may only be about to start, where a signal does not find it yet: its connection
 * tells when there is none any more. Without a marker the connection's end is all that can be done.
 */
async function endProcess(
  dependencies: ExecDependencies,
  place: ContainerAddress,
  marker: string | undefined,
  remote: RemoteCommand,
): Promise<void> {
  let over = false
  const ended = remote.ended.then(() => {
    over = true
  })
  const limit = AbortSignal.timeout(QUICK)
  try {
    // What it still says is of no use to anyone, and must not hold up its end.
    remote.stdout.destroy()
    remote.stderr?.destroy()
    while (marker !== undefined && !over && !limit.aborted) {
      await signalMarked(dependencies, place, marker, ['HUP', 'TERM', 'KILL'])
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN).unref())])
    }
  } finally {
    remote.destroy()
  }
}

/** A container's user can signal the processes of its own, and root those of all. */
async function signalMarked(
  dependencies: ExecDependencies,
  place: ContainerAddress,
  marker: string,
  signals: readonly string[],
): Promise<void> {
  const title = 'Signalling the process failed'
  const limit = AbortSignal.timeout(QUICK)
  try {
    const { exit } = await runToEnd(dependencies, place, signalCommand(marker, signals), limit)
    if (exit.code === 126 || exit.code === 127) throw cannotSignal()
    // A container that has ended has nothing left to signal.
    if (exit.problem && exit.problem.code !== 'connection-lost') throw new ProblemError(exit.problem)
  } catch (error) {
    throw dependencies.client.failure(error, title)
  }
}

function cannotSignal(): ProblemError {
  return problem({
    code: 'unsupported',
    title: 'The process cannot be signalled',
    cause: 'The image has no shell, so there is nothing in it that can send a signal.',
    remedy: 'Stop the workspace to end it, or use an image with a shell.',
  })
}
