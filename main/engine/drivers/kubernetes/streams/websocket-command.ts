import { Writable } from 'node:stream'
import type { ApiWebSocket } from '../api'
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

/** First byte of every message (apimachinery/pkg/util/remotecommand/constants.go). */
const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const

const prefix = { stdin: Buffer.of(channel.stdin), resize: Buffer.of(channel.resize) } as const

/** Bytes of input per message: what kubectl's own buffers hold, doubled. */
const MESSAGE = 64 * 1024

/** An exec whose channels are messages of a websocket (`v4.channel.k8s.io` or `v5.channel.k8s.io`). */
export function websocketCommand(
  socket: ApiWebSocket,
  terminal: boolean,
  prologue?: Prologue,
): RemoteCommand {
  const canHalfClose = socket.protocol.startsWith('v5.')
  let status = ''
  let paused = false
  let lastActivity = performance.now()
  let statusCame: () => void = () => undefined
  const hasStatus = new Promise<void>((resolve) => {
    statusCame = resolve
  })
  const resume = () => {
    if (!paused || blocked()) return
    paused = false
    socket.resume()
  }
  const stdout = new Output(resume, terminal ? TERMINAL_BUFFERED : BUFFERED)
  const stderr = terminal ? null : new Output(resume)
  const blocked = () => !stdout.ready || !(stderr?.ready ?? true)

  socket.onMessage((data) => {
    lastActivity = performance.now()
    const payload = data.subarray(1)
    switch (data[0]) {
      case channel.stdout:
        stdout.offer(payload)
        break
      case channel.stderr:
        stderr?.offer(payload)
        break
      case channel.status:
        // An empty message says that the channel is there.
        if (payload.length === 0 || status.length > LONGEST_STATUS) break
        status += payload.toString('utf8')
        statusCame()
        break
      default:
      // What a later protocol may add is not ours to fail at.
    }
    if (!paused && blocked()) {
      paused = true
      socket.pause()
    }
  })

  const input = inputOf(socket, terminal, canHalfClose, prologue)
  if (prologue?.told) stdout.skipTo(prologue.told, prologue.input, input.open)

  const over = socket.ended.then(() => undefined)
  const ended = (async (): Promise<CommandEnding> => {
    await Promise.race([over, hasStatus.then(() => afterLastOutput(over, () => lastActivity, blocked))])
    return { status, reason: status === '' ? await reasonOf(socket.ended) : '' }
  })()

  return {
    protocol: canHalfClose ? 'websocket-v5' : 'websocket-v4',
    stdin: input.stream,
    stdout,
    stderr,
    ended,
    resize: (columns, rows) => {
      socket.send(prefix.resize, Buffer.from(terminalSize(columns, rows)))
    },
    finish: () => {
      stdout.finish()
      stderr?.finish()
    },
    destroy: () => socket.destroy(),
  }
}

function inputOf(
  socket: ApiWebSocket,
  terminal: boolean,
  canHalfClose: boolean,
  prologue: Prologue | undefined,
): CommandInput {
  const keys = new TerminalInput()
  let waiting: (() => void) | undefined
  let over = false
  const proceed = () => {
    const next = waiting
    waiting = undefined
    next?.()
  }
  socket.onDrain(proceed)
  /** Sends from `start` on, as far as the connection takes it, and calls back when it takes more. */
  const send = (chunk: Buffer, start: number, done: () => void): void => {
    for (let at = start; at < chunk.length && !over; ) {
      const end = Math.min(at + MESSAGE, chunk.length)
      const more = socket.send(prefix.stdin, chunk.subarray(at, end))
      at = end
      if (more) continue
      waiting = () => send(chunk, at, done)
      return
    }
    done()
  }
  const gate = new InputGate(prologue, (bytes, done) => send(bytes, 0, done))
  const input = new Writable({
    highWaterMark: 256 * 1024,
    ...gate.construct,
    write(chunk: Buffer, _encoding, done) {
      keys.wrote(chunk)
      send(chunk, 0, done)
    },
    final(done) {
      if (over) return done()
      if (terminal) socket.send(prefix.stdin, keys.endKeys)
      else if (canHalfClose) socket.send(Buffer.from([channel.close, channel.stdin]))
      done()
    },
  })
  input.on('error', () => undefined)
  // Nobody reads any more: without this a writer would wait for ever for bytes that cannot leave.
  void socket.ended.then(() => {
    over = true
    proceed()
    gate.open()
    input.destroy()
  })
  return { stream: input, open: () => gate.open() }
}
