import type { Readable, Writable } from 'node:stream'
import { type Problem, problem, toProblem } from '#contract'
import type { Logger } from '../../platform/logger'
import type { ExecExit, ExecOptions, ExecProcess } from '../driver'
import { noUserInService, serviceNotRunning } from '../shared/services'
import { EXEC_MARKER, signalCommand, signalName } from '../shared/signal-processes'
import type { ExecInspect } from './api'
import { compareVersions, type EngineClient, type RawConnection } from './client'
import { nonce } from './container/anatomy'
import { type Locator, QUICK } from './container/locate'
import { connectionLost, EngineError, isDiskFull, isStatus } from './problems'
import { runningService } from './service/running'
import { halfClose } from './streams/half-close'
import { type OutputStreams, readOutputs, writeInput } from './streams/output'

/** How long a stream may be silent, in milliseconds, before the engine is asked whether its process still runs. */
const SILENCE = { first: 2_000, longest: 15_000 }
/** How long the output of a process that has ended may still take to arrive, in milliseconds. */
const LINGER = 2_000
/** How long an engine may take to begin what it was told to start, and to end what was given up, in milliseconds. */
const BEGIN_WITHIN = 1_000
const END_WITHIN = 10_000
/** Milliseconds between two looks at a process that is to end. */
const END_PAUSE = 100
/** The first API version that gives a new terminal its size before the process starts. */
const CONSOLE_SIZE_API = '1.42'

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

export interface ExecDependencies {
  readonly client: EngineClient
  readonly locator: Locator
  readonly logger: Logger
  /** Destroyed processes whose end inside the container is still under way; who disposes waits for them. */
  readonly ending: Set<Promise<void>>
}

/**
 * Starts a process in a workspace's container, or in that of one of its services (Engine API: exec create, then start as
 * a taken-over connection).
 */
export async function startExec(
  dependencies: ExecDependencies,
  id: string,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<ExecProcess> {
  const { client, locator } = dependencies
  const { service } = options
  // Of a service nobody knows whether it has a shell.
  const knowsShell = () => service === undefined && locator.hasShell(id)
  const marker = nonce() + nonce()
  let made: { containerId: string; execId: string } | undefined
  try {
    const withSize = options.tty && compareVersions(await client.apiVersion(signal), CONSOLE_SIZE_API) >= 0
    made = await locator.with(
      id,
      async (workspace) => {
        const containerId =
          service === undefined
            ? workspace
            : await runningService(client, workspace, service, titleOf(options), signal)
        const sized = options.tty && !withSize && knowsShell() ? withInitialSize(options) : options
        try {
          return { containerId, execId: await createExec(client, containerId, sized, marker, signal) }
        } catch (error) {
          // Since it was looked at.
          if (service === undefined || !isStatus(error, 404, 409)) throw error
          throw serviceNotRunning(titleOf(options), { name: service, reason: 'It has just ended' })
        }
      },
      signal,
    )
    const { containerId, execId } = made
    const size = withSize && options.tty ? { ConsoleSize: [options.tty.rows, options.tty.columns] } : {}
    const connection = await client.upgrade(`/exec/${execId}/start`, {
      json: { Detach: false, Tty: options.tty !== undefined, ...size },
      signal,
    })
    const process = new DockerExec(
      dependencies,
      { containerId, execId, marker, connection, ...userOf(options) },
      options,
    )
    if (options.tty && !withSize && !knowsShell())
      await process.setInitialSize(options.tty.columns, options.tty.rows)
    return process
  } catch (error) {
    // Given up while it was being started: it may run already, or begin to.
    if (made && signal.aborted) endLater(dependencies, { ...made, marker, ...userOf(options) }, ['KILL'])
    throw execFailure(client, error, options, signal)
  }
}

/** Older engines give a terminal its size only after its process has begun: the process does it itself then. */
function withInitialSize(options: ExecOptions): ExecOptions {
  const { columns, rows } = options.tty ?? { columns: 80, rows: 24 }
  const script = `stty cols ${columns} rows ${rows} 2>/dev/null; exec "$@"`
  return { ...options, command: ['/bin/sh', '-c', script, 'sh', ...options.command] }
}

async function createExec(
  client: EngineClient,
  containerId: string,
  options: ExecOptions,
  marker: string,
  signal?: AbortSignal,
): Promise<string> {
  const { Id } = await client.json<{ Id: string }>('POST', `/containers/${containerId}/exec`, {
    json: {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: options.tty !== undefined,
      Cmd: options.command,
      Env: [
        ...Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`),
        `${EXEC_MARKER}=${marker}`,
      ],
      ...(options.user !== undefined && { User: options.user }),
      ...(options.cwd !== undefined && { WorkingDir: options.cwd }),
      ...(options.tty && { ConsoleSize: [options.tty.rows, options.tty.columns] }),
    },
    timeout: QUICK,
    ...(signal && { signal }),
  })
  return Id
}

const titleOf = ({ command }: ExecOptions) => `"${command[0] ?? ''}" could not be started`

function execFailure(client: EngineClient, error: unknown, options: ExecOptions, signal: AbortSignal): Error {
  const title = titleOf(options)
  const { service } = options
  if (
    error instanceof EngineError &&
    /unable to find user|no matching entries in passwd/i.test(error.message)
  ) {
    return problem({
      code: 'user-not-found',
      title,
      ...(service === undefined
        ? {
            cause: `The workspace has no user "${options.user ?? ''}".`,
            remedy: 'Correct remoteUser in the definition and rebuild.',
          }
        : noUserInService(service, options.user)),
      detail: error.message,
    })
  }
  if (isStatus(error, 400, 500) && !isDiskFull(error)) {
    return problem({
      code: 'exec-failed',
      title,
      cause: `Docker answered: ${error.message}`,
      remedy: 'Check the command and its folder; if they are right, restart the workspace.',
      detail: error.message,
    })
  }
  return client.failure(error, title, signal)
}

interface Made {
  readonly containerId: string
  readonly execId: string
  /** Value of {@link EXEC_MARKER} in the process's environment. */
  readonly marker: string
  /** Absent: as the container. */
  readonly user?: string
}

interface Started extends Made {
  readonly connection: RawConnection
}

class DockerExec implements ExecProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable | null
  readonly exit: Promise<ExecExit>
  readonly #client: EngineClient
  readonly #logger: Logger
  readonly #started: Started
  readonly #outputs: OutputStreams
  readonly #dependencies: ExecDependencies
  #exited: number | undefined
  #destroyed = false
  #over = false
  #wantedSize: { readonly columns: number; readonly rows: number } | undefined
  #resizing: Promise<void> | undefined

  constructor(dependencies: ExecDependencies, started: Started, options: ExecOptions) {
    this.#dependencies = dependencies
    this.#client = dependencies.client
    this.#logger = dependencies.logger
    this.#started = started
    const { socket, head } = started.connection
    this.#outputs = readOutputs(socket, head, options.tty === undefined)
    this.stdin = writeInput(socket, options.tty !== undefined)
    this.stdout = this.#outputs.stdout
    this.stderr = this.#outputs.stderr
    this.exit = this.#follow()
    void this.#watchSilence()
  }

  async #follow(): Promise<ExecExit> {
    const { error, clean } = await this.#outputs.ended
    const result = await this.#exitStatus(error, clean)
    this.#over = true
    await Promise.all([over(this.stdout), this.stderr && over(this.stderr)])
    this.#started.connection.socket.destroy()
    return result
  }

  async #exitStatus(error: Error | undefined, clean: boolean): Promise<ExecExit> {
    if (this.#exited !== undefined) return { code: this.#exited }
    if (this.#destroyed) return { code: null, problem: givenUp() }
    if (error && !clean) return { code: null, problem: this.#lost(error.message) }
    try {
      // The stream may end a moment before the engine has noted the exit, or long before when the process closed it.
      for (let pause = 2; !this.#destroyed; pause = Math.min(pause * 2, 500)) {
        const state = await this.#inspect()
        if (!state.Running)
          return { code: state.ExitCode ?? null, ...(state.ExitCode === null && { problem: this.#lost() }) }
        await wait(pause)
      }
      return { code: null, problem: givenUp() }
    } catch (failure) {
      const gone = isStatus(failure, 404)
      return {
        code: null,
        problem: this.#lost(
          gone ? 'Its container was removed.' : toProblem(this.#client.failure(failure, '')).detail,
        ),
      }
    }
  }

  #inspect(): Promise<ExecInspect> {
    return inspectExec(this.#client, this.#started.execId)
  }

  #lost(detail?: string): Problem {
    return connectionLost(this.#client.identity.targetName, detail)
  }

  /** Some engines never end the stream of a process that has ended: asks when nothing comes. */
  async #watchSilence(): Promise<void> {
    let pause = SILENCE.first
    let done = false
    let wake: (() => void) | undefined
    void this.#outputs.ended.then(() => {
      done = true
      wake?.()
    })
    while (!done) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause)
        timer.unref()
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      const silence = performance.now() - this.#outputs.lastActivity()
      if (done || this.#outputs.blocked() || silence < pause) {
        if (silence < SILENCE.first) pause = SILENCE.first
        continue
      }
      pause = Math.min(pause * 2, SILENCE.longest)
      try {
        const state = await this.#inspect()
        if (state.Running || state.ExitCode === null) continue
        while (
          !done &&
          !(performance.now() - this.#outputs.lastActivity() > LINGER && !this.#outputs.blocked())
        ) {
          await wait(LINGER / 4)
        }
        this.#exited = state.ExitCode
        this.#outputs.finish()
      } catch (error) {
        if (isStatus(error, 404)) this.#outputs.finish()
        else this.#logger.debug('exec: could not ask whether it still runs', { error: String(error) })
      }
    }
  }

  /** Before API 1.42 a terminal has its size only once its process runs: waits for that, briefly. */
  async setInitialSize(columns: number, rows: number): Promise<void> {
    const deadline = performance.now() + 10_000
    let over = false
    void this.#outputs.ended.then(() => {
      over = true
    })
    for (let pause = 2; performance.now() < deadline && !over; pause = Math.min(pause * 2, 50)) {
      try {
        await this.#resize(columns, rows)
        return
      } catch (error) {
        if (!(error instanceof EngineError)) return
        await wait(pause)
      }
    }
  }

  async #resize(columns: number, rows: number): Promise<void> {
    await this.#client.json('POST', `/exec/${this.#started.execId}/resize`, {
      query: { h: rows, w: columns },
      timeout: QUICK,
    })
  }

  /** One at a time: each is a call of its own, and an earlier one must not come behind a later one. */
  resize(columns: number, rows: number): Promise<void> {
    this.#wantedSize = { columns, rows }
    this.#resizing ??= this.#resizeToWanted().finally(() => {
      this.#resizing = undefined
    })
    return this.#resizing
  }

  async #resizeToWanted(): Promise<void> {
    try {
      for (let size = this.#wantedSize; size && !this.#over; size = this.#wantedSize) {
        this.#wantedSize = undefined
        await this.#resize(size.columns, size.rows)
      }
    } catch (error) {
      // It has ended, or is just about to: there is nothing left that has a size.
      if (error instanceof EngineError) return
      throw this.#client.failure(error, 'Resizing the terminal failed')
    }
  }

  async kill(signal: string): Promise<void> {
    const name = signalName(signal)
    if (this.#over) return
    await this.#signal([name])
  }

  #signal(signals: readonly string[]): Promise<void> {
    return signalMarked(this.#client, this.#started, signals)
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    const running = !this.#over && this.#exited === undefined
    this.#outputs.finish()
    this.stdin.destroy()
    this.stdout.destroy()
    this.stderr?.destroy()
    this.#started.connection.socket.destroy()
    if (running) endLater(this.#dependencies, this.#started, ['HUP', 'TERM', 'KILL'])
  }
}

function inspectExec(client: EngineClient, execId: string): Promise<ExecInspect> {
  return client.json<ExecInspect>('GET', `/exec/${execId}/json`, { timeout: QUICK })
}

/** Ends a process whose streams are given up; who disposes of the driver waits for it. */
function endLater(
  { client, logger, ending }: ExecDependencies,
  made: Made,
  signals: readonly string[],
): void {
  const end = endExec(client, made, signals)
    .catch((error: unknown) => {
      logger.debug('exec: what was left of a process could not be ended', { error: String(error) })
    })
    .finally(() => ending.delete(end))
  ending.add(end)
}

/** What an engine was told to start may begin only after it was given up: so it is signalled until it has ended. */
async function endExec(client: EngineClient, made: Made, signals: readonly string[]): Promise<void> {
  for (let waited = 0; waited < END_WITHIN; waited += END_PAUSE) {
    const { Running, ExitCode } = await inspectExec(client, made.execId).catch((error: unknown) => {
      // With its container.
      if (isStatus(error, 404)) return { Running: false, ExitCode: null }
      throw error
    })
    if (Running) await signalMarked(client, made, signals)
    else if (ExitCode !== null || waited >= BEGIN_WITHIN) return
    await wait(END_PAUSE)
  }
}

const userOf = ({ user }: ExecOptions) => (user === undefined ? {} : { user })

/**
 * Signals what carries the marker in the container. Does nothing when the container does not run any more. Root may
 * signal every process, but without CAP_SYS_PTRACE, as containers are, reads the environment of its own alone: so the
 * process's own user looks for the marker as well.
 */
async function signalMarked(client: EngineClient, made: Made, signals: readonly string[]): Promise<void> {
  if (made.user !== '0' && made.user !== 'root') await signalAs(client, made, made.user, signals)
  await signalAs(client, made, '0', signals)
}

async function signalAs(
  client: EngineClient,
  { containerId, marker }: Made,
  user: string | undefined,
  signals: readonly string[],
): Promise<void> {
  try {
    const command = signalCommand(marker, signals)
    const execId = await createExec(
      client,
      containerId,
      { command, ...(user !== undefined && { user }) },
      nonce(),
    )
    const connection = await client.upgrade(`/exec/${execId}/start`, { json: { Detach: false, Tty: false } })
    halfClose(connection.socket)
    const outputs = readOutputs(connection.socket, connection.head, true)
    outputs.stdout.resume()
    outputs.stderr?.resume()
    await outputs.ended
    connection.socket.destroy()
    const state = await inspectExec(client, execId)
    if (state.ExitCode === 126 || state.ExitCode === 127) {
      throw problem({
        code: 'unsupported',
        title: 'The process cannot be signalled',
        cause: 'The image has no shell, so there is nothing in it that can send a signal.',
        remedy: 'Stop the workspace to end it, or use an image with a shell.',
      })
    }
  } catch (error) {
    if (isStatus(error, 404, 409)) return
    throw client.failure(error, 'Signalling the process failed')
  }
}

function givenUp(): Problem {
  return {
    code: 'cancelled',
    title: 'The process was given up',
    cause: 'Berth closed the connection to it.',
    remedy: '',
  }
}

/** Resolves when a stream has been read to its end, or destroyed. */
function over(stream: Readable): Promise<void> {
  // One that nobody reads and that has nothing to read is over too.
  if (stream.destroyed || stream.readableEnded || stream.readableLength === 0) return Promise.resolve()
  return new Promise((resolve) => {
    stream.once('end', resolve)
    stream.once('close', resolve)
    stream.once('error', () => resolve())
  })
}
