import { Writable } from 'node:stream'
import type { SpdySession, SpdyStream } from '../api'
import {
  afterLastOutput,
  type CommandEnding,
  type CommandInput,
  InputGate,
  type RemoteCommand,
  reasonOf,
  TerminalInput,
  terminalSize,
} from './command'
import { BUFFERED, Output, TERMINAL_BUFFERED } from './output'
import type { Prologue } from './prologue'
import { LONGEST_STATUS } from './status'

/**
 * An exec whose channels are streams of a SPDY session (client-go/tools/remotecommand/v4.go). The server runs the
 * command once it has all streams; they are asked for together, which saves a round trip for each but the first. Its
 * last word on every stream is a reset, once the status was sent: that is an end and no failure.
 */
export async function spdyCommand(
  session: SpdySession,
  terminal: boolean,
  signal: AbortSignal,
  prologue?: Prologue,
): Promise<RemoteCommand> {
  const open = (streamType: string) => session.open({ streamType }, signal)
  const opened = [open('error'), open('stdin'), open('stdout'), open(terminal ? 'resize' : 'stderr')] as const
  let streams: Awaited<(typeof opened)[number]>[]
  try {
    streams = await Promise.all(opened)
  } catch (error) {
    for (const one of opened) one.catch(() => undefined)
    session.destroy()
    throw error
  }
  const [status, stdin, stdout, last] = streams as [SpdyStream, SpdyStream, SpdyStream, SpdyStream]
  return carry(session, terminal, { status, stdin, stdout, last }, prologue)
}

interface Streams {
  readonly status: SpdyStream
  readonly stdin: SpdyStream
  readonly stdout: SpdyStream
  /** stderr, or with a terminal the sizes. */
  readonly last: SpdyStream
}

function carry(
  session: SpdySession,
  terminal: boolean,
  streams: Streams,
  prologue: Prologue | undefined,
): RemoteCommand {
  let status = ''
  let lastActivity = performance.now()
  // Every stream emits errors when the session ends, all of them told by its own `ended`.
  for (const stream of Object.values(streams)) stream.on('error', () => undefined)

  const outputs: Output[] = []
  const take = (stream: SpdyStream, buffered: number): { output: Output; over: Promise<void> } => {
    const output = new Output(() => stream.resume(), buffered)
    outputs.push(output)
    stream.on('data', (chunk: Buffer) => {
      lastActivity = performance.now()
      if (!output.offer(chunk)) stream.pause()
    })
    return { output, over: closed(stream) }
  }
  const stdout = take(streams.stdout, terminal ? TERMINAL_BUFFERED : BUFFERED)
  const stderr = terminal ? null : take(streams.last, BUFFERED)
  if (terminal) streams.last.resume()
  // The server writes nothing on it, but unread its end would not be seen.
  streams.stdin.resume()

  streams.status.on('data', (chunk: Buffer) => {
    lastActivity = performance.now()
    if (status.length <= LONGEST_STATUS) status += chunk.toString('utf8')
  })

  const input = inputOf(streams.stdin, terminal, prologue)
  if (prologue?.told) stdout.output.skipTo(prologue.told, prologue.input, input.open)

  const outputOver = Promise.all([stdout.over, stderr?.over]).then(() => undefined)
  const ended = (async (): Promise<CommandEnding> => {
    await closed(streams.status)
    const blocked = () => outputs.some((output) => !output.ready)
    await afterLastOutput(outputOver, () => lastActivity, blocked)
    return { status, reason: status === '' ? await reasonOf(session.ended) : '' }
  })()

  return {
    protocol: 'spdy',
    stdin: input.stream,
    stdout: stdout.output,
    stderr: stderr?.output ?? null,
    ended,
    resize: (columns, rows) => {
      if (terminal && streams.last.writable) streams.last.write(terminalSize(columns, rows))
    },
    finish: () => {
      for (const output of outputs) output.finish()
    },
    destroy: () => session.destroy(),
  }
}

/** Resolves when all of a stream was read, or it was reset or lost. */
function closed(stream: SpdyStream): Promise<void> {
  if (stream.destroyed || stream.readableEnded) return Promise.resolve()
  return new Promise((resolve) => {
    stream.once('end', resolve)
    stream.once('close', resolve)
  })
}

function inputOf(stream: SpdyStream, terminal: boolean, prologue: Prologue | undefined): CommandInput {
  const keys = new TerminalInput()
  let waiting: (() => void) | undefined
  const settle = () => {
    const done = waiting
    waiting = undefined
    done?.()
  }
  const usable = () => stream.writable && !stream.destroyed
  const send = (chunk: Buffer, done: () => void) => {
    if (!usable()) return done()
    waiting = done
    // The callback comes when the bytes have left for the kernel: that is the backpressure.
    stream.write(chunk, settle)
  }
  const gate = new InputGate(prologue, send)
  const input = new Writable({
    highWaterMark: 256 * 1024,
    ...gate.construct,
    write(chunk: Buffer, _encoding, done) {
      keys.wrote(chunk)
      send(chunk, done)
    },
    final(done) {
      if (!usable()) return done()
      waiting = done
      // Of a terminal whose input is closed some runtimes drop the output.
      if (terminal) stream.write(keys.endKeys, settle)
      else stream.end(settle)
    },
  })
  input.on('error', () => undefined)
  // Nobody reads any more: without this a writer would wait for ever for bytes that cannot leave.
  stream.once('close', () => {
    settle()
    gate.open()
    input.destroy()
  })
  return { stream: input, open: () => gate.open() }
}
