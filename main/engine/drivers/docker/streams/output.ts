import type { Duplex } from 'node:stream'
import { Readable, Writable } from 'node:stream'
import { Demultiplexer } from './demultiplexer'
import { halfClose } from './half-close'

/** What a stream holds for a reader that stopped, beside what the socket and the kernel hold. */
const BUFFERED = 512 * 1024
/** The same for a terminal: all that lies between a program and the screen has to be shown before the prompt that follows Control-C. */
const TERMINAL_BUFFERED = 64 * 1024

/** A Readable that is pushed to. Errors have a listener, so that an owner without one does not crash. */
class Output extends Readable {
  readonly #wanted: () => void
  flowing_ = true

  constructor(wanted: () => void, buffered = BUFFERED) {
    super({ highWaterMark: buffered })
    this.#wanted = wanted
    this.on('error', () => undefined)
  }

  override _read(): void {
    if (this.flowing_) return
    this.flowing_ = true
    this.#wanted()
  }

  /** Passes bytes on; false asks to wait. A destroyed output takes everything and keeps nothing. */
  offer(chunk: Buffer | undefined): boolean {
    if (!chunk || this.destroyed) return true
    this.flowing_ = this.push(chunk)
    return this.flowing_
  }

  /** Destroyed ones no longer hold anything up. */
  get ready(): boolean {
    return this.flowing_ || this.destroyed
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error)
    this.#wanted()
  }
}

export interface OutputStreams {
  readonly stdout: Readable
  /** Null when the connection carries raw terminal bytes. */
  readonly stderr: Readable | null
  /** Resolves when the connection's incoming half has ended: by itself, or with the error that cut it. */
  readonly ended: Promise<{ readonly error?: Error; readonly clean: boolean; readonly systemError: string }>
  /** When bytes last came, by the monotonic clock in milliseconds. */
  lastActivity(): number
  /** Whether incoming bytes are held back because a reader is slow. */
  blocked(): boolean
  /** Ends the outputs although the connection has not ended. */
  finish(): void
}

/**
 * Reads a raw connection into stdout and stderr. When either reader is slow the connection is paused, so that the
 * process inside is held up and nothing piles up here.
 */
export function readOutputs(socket: Duplex, head: Buffer, multiplexed: boolean): OutputStreams {
  const demultiplexer = multiplexed ? new Demultiplexer() : null
  let over = false
  let lastActivity = performance.now()
  const resume = () => {
    if (!over && stdout.ready && (stderr?.ready ?? true)) socket.resume()
  }
  const stdout = new Output(resume, multiplexed ? BUFFERED : TERMINAL_BUFFERED)
  const stderr = multiplexed ? new Output(resume) : null

  const take = (chunk: Buffer) => {
    lastActivity = performance.now()
    if (over) return
    let ready: boolean
    if (demultiplexer) {
      const parts = demultiplexer.push(chunk)
      const first = stdout.offer(parts.stdout)
      ready = (stderr?.offer(parts.stderr) ?? true) && first
    } else {
      ready = stdout.offer(chunk)
    }
    if (!ready) socket.pause()
  }

  let settle: (end: Awaited<OutputStreams['ended']>) => void = () => undefined
  const ended = new Promise<Awaited<OutputStreams['ended']>>((resolve) => {
    settle = resolve
  })
  const finish = (clean: boolean, error?: Error) => {
    if (over) return
    over = true
    stdout.push(null)
    stderr?.push(null)
    // What still comes is of no use, and unread it would keep the connection open.
    socket.resume()
    settle({
      clean: clean && (demultiplexer?.atBoundary ?? true),
      systemError: demultiplexer?.systemError ?? '',
      ...(error && { error }),
    })
  }
  socket.on('data', take)
  socket.on('end', () => finish(true))
  socket.on('error', (error) => finish(false, error))
  socket.on('close', () => finish(false))
  if (head.length > 0) take(head)
  resume()
  return {
    stdout,
    stderr,
    ended,
    lastActivity: () => lastActivity,
    blocked: () => !stdout.ready || !(stderr?.ready ?? true),
    finish: () => finish(true),
  }
}

/** What a terminal takes for the end of its input, at the beginning of a line. */
const END_OF_TRANSMISSION = 4
const LINE_FEED = 10

/**
 * The connection's outgoing half: `end()` half-closes it, and a lost connection discards what is written. With a
 * terminal `end()` is the key that ends its input: of a connection that is half-closed Docker drops the output.
 */
export function writeInput(socket: Duplex, terminal: boolean): Writable {
  let atLineStart = true
  let waiting: (() => void) | undefined
  const settle = () => {
    const done = waiting
    waiting = undefined
    done?.()
  }
  const input = new Writable({
    highWaterMark: 256 * 1024,
    write(chunk: Buffer, _encoding, done) {
      if (socket.destroyed || socket.writableEnded) return done()
      waiting = done
      if (chunk.length > 0) atLineStart = chunk[chunk.length - 1] === LINE_FEED
      // The callback comes when the bytes have left for the kernel: that is the backpressure.
      socket.write(chunk, settle)
    },
    final(done) {
      if (socket.destroyed || socket.writableEnded) return done()
      waiting = done
      // Within a line the first one only hands the line over.
      if (terminal) socket.write(Buffer.alloc(atLineStart ? 1 : 2, END_OF_TRANSMISSION), settle)
      else halfClose(socket, settle)
    },
  })
  input.on('error', () => undefined)
  // Nobody reads any more: without this a writer would wait for ever for bytes that cannot leave.
  socket.once('close', () => {
    settle()
    input.destroy()
  })
  return input
}
