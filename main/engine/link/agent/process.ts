import { type Readable, Writable } from 'node:stream'
import { type Problem, ProblemError, problem } from '#contract'
import type { ExecExit, ExecOptions, ExecProcess } from '../../drivers/driver'
import {
  type Channel,
  ConnectionLost,
  type Reader,
  RequestRefused,
  type SshConnection,
  Writer,
} from '../ssh/connection'

/** Numbers of signals, for exit codes as shells have them (Linux, generic). */
const signalNumbers: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
}

/**
 * Starts a process by the agent (PROTOCOL.md, `exec@berth.dev`). Rejects with a `ProblemError`, with the signal's reason,
 * or with `ConnectionLost` where nothing was started.
 */
export async function startProcess(
  connection: SshConnection,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<ExecProcess> {
  const channel = await connection.open('session', Buffer.alloc(0), signal)
  const process = new AgentProcess(channel, options.tty !== undefined)
  try {
    if (options.tty) {
      const { columns, rows } = options.tty
      const term = options.env?.TERM ?? 'xterm-256color'
      const noModes = Buffer.from([0])
      await channel.request(
        'pty-req',
        new Writer().string(term).uint32(columns).uint32(rows).uint32(0).uint32(0).string(noModes).done(),
      )
    }
    for (const [name, value] of Object.entries(options.env ?? {}))
      channel.notify('env', new Writer().string(name).string(value).done())
    const { command, cwd } = options
    await channel.request(
      'exec@berth.dev',
      new Writer().string(JSON.stringify({ command, ...(cwd !== undefined && { cwd }) })).done(),
    )
    if (signal.aborted) throw signal.reason
    return process
  } catch (error) {
    const failure = await failureOf(error, channel, options)
    process.destroy()
    throw failure
  }
}

async function failureOf(error: unknown, channel: Channel, options: ExecOptions): Promise<unknown> {
  if (error instanceof RequestRefused) return refusal(channel, options)
  // It may have begun: whoever wants it must not start it twice.
  return error instanceof ConnectionLost ? new ProblemError(lost(error)) : error
}

/** Why a process was not started: the agent says it before it refuses. */
async function refusal(channel: Channel, options: ExecOptions): Promise<Error> {
  const title = `"${options.command[0] ?? ''}" could not be started`
  let text = ''
  for await (const piece of channel.stderr) text += piece
  const said = /"message"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1]
  return problem({
    code: /"not-found"/.test(text) ? 'command-not-found' : 'exec-failed',
    title,
    cause: said ? `${JSON.parse(`"${said}"`)}.` : 'The workspace refused it.',
    remedy: 'Check the command and its folder.',
    ...(text && { detail: text.trim() }),
  })
}

/** A process behind a channel of the agent's. */
export class AgentProcess implements ExecProcess {
  readonly stdin: Writable
  readonly stdout: Channel
  readonly stderr: Channel['stderr'] | null
  readonly exit: Promise<ExecExit>
  readonly #channel: Channel
  #code: number | undefined
  #destroyed = false

  constructor(channel: Channel, hasTerminal: boolean) {
    this.#channel = channel
    this.stdout = channel
    this.stderr = hasTerminal ? null : channel.stderr
    if (hasTerminal) channel.stderr.resume()
    this.stdin = new Writable({
      highWaterMark: channel.writableHighWaterMark,
      // What comes after the process's end goes nowhere. Written all the same it would be a failure of the channel, and
      // take with it what the process has printed and nobody has read yet.
      write: (chunk: Buffer, _encoding, done) =>
        channel.writableEnded ? done() : void channel.write(chunk, () => done()),
      final: (done) => (channel.writableEnded ? done() : void channel.end(() => done())),
    })
    this.stdin.on('error', () => undefined)
    channel.onRequest = (type, payload) => this.#told(type, payload)
    this.exit = this.#follow()
  }

  #told(type: string, payload: Reader): void {
    if (type === 'exit-status') this.#code = payload.uint32()
    else if (type === 'exit-signal') this.#code = 128 + (signalNumbers[payload.text()] ?? 0)
  }

  async #follow(): Promise<ExecExit> {
    let failure: Error | undefined
    this.#channel.once('error', (error) => {
      failure = error
    })
    await this.#channel.over
    await Promise.all([
      readToEnd(this.stdout, this.stdout.isDrained),
      this.stderr && readToEnd(this.stderr, this.stderr.readableLength === 0),
    ])
    this.stdin.destroy()
    if (this.#code !== undefined) return { code: this.#code }
    return { code: null, problem: this.#destroyed ? givenUp() : lost(failure) }
  }

  async resize(columns: number, rows: number): Promise<void> {
    this.#channel.notify(
      'window-change',
      new Writer().uint32(columns).uint32(rows).uint32(0).uint32(0).done(),
    )
  }

  async kill(signal: string): Promise<void> {
    this.#channel.notify('signal', new Writer().string(signal.replace(/^SIG/, '')).done())
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.stdin.destroy()
    this.#channel.destroy()
  }
}

/** Resolves when a stream to which nothing more comes has been read to its end, or destroyed. */
function readToEnd(stream: Readable, isDrained: boolean): Promise<void> {
  // One that nobody reads and that has nothing to read is over too.
  if (stream.destroyed || stream.readableEnded || isDrained) return Promise.resolve()
  return new Promise((resolve) => {
    stream.once('end', resolve)
    stream.once('close', resolve)
  })
}

function givenUp(): Problem {
  return {
    code: 'cancelled',
    title: 'The process was given up',
    cause: 'Berth closed the connection to it.',
    remedy: '',
  }
}

function lost(error: Error | undefined): Problem {
  return {
    code: 'connection-lost',
    title: 'The connection to the process was lost',
    cause:
      error instanceof ConnectionLost
        ? `The link to the workspace ended: ${error.message}.`
        : 'Its end was not told.',
    remedy: 'Berth makes the link again by itself. Start the process again.',
    ...(error && { detail: error.message }),
  }
}
