import { Duplex } from 'node:stream'
import { type Problem, ProblemError, problem } from '#contract'
import type { ExecProcess } from '../../driver'
import {
  FrameParser,
  type FrameSink,
  frame,
  header,
  MAXIMUM_PAYLOAD,
  REFUSED_NOTHING_LISTENS,
  WINDOW,
} from './protocol'

/** Bytes taken by the reader before they are given back as credit: few frames, and never near the whole window. */
const GIVE_BACK = WINDOW / 4

/** Milliseconds that a connection may take before the relay is asked for a sign of life, and that it has for that. */
const SILENCE = 10_000
const ANSWER_LIMIT = 10_000
/** Nothing can listen on it: a relay refuses at once. */
const NO_PORT = 0

export function connectionLost(detail?: string): ProblemError {
  return problem({
    code: 'connection-lost',
    title: 'The connection into the workspace was lost',
    cause: 'The way into the container ended.',
    remedy: 'Berth makes a new one with the next connection.',
    ...(detail ? { detail } : {}),
  })
}

export function portRefused(port: number): ProblemError {
  return problem({
    code: 'port-refused',
    title: `Nothing listens on port ${port}`,
    cause: `The workspace refused a connection to localhost:${port}.`,
    remedy: 'Start the app in the workspace, or check which port it uses.',
  })
}

function notConnected(port: number): ProblemError {
  return problem({
    code: 'connection-lost',
    title: `Port ${port} cannot be reached`,
    cause: `A connection to localhost:${port} could not be made in the workspace, although something may listen there.`,
    remedy:
      'Try again. The app may not accept connections any more, or the workspace may have too many files open.',
  })
}

interface Waiting {
  readonly connection: RelayConnection
  readonly port: number
  readonly resolve: (connection: RelayConnection) => void
  readonly reject: (error: unknown) => void
}

/** What a relay is reached over. */
export type RelayCarrier = Pick<ExecProcess, 'stdin' | 'stdout' | 'stderr' | 'exit' | 'destroy'>

/** One relay in one container, and the connections that go over it. */
export class Relay implements FrameSink {
  readonly #process: RelayCarrier
  readonly #parser = new FrameParser(this)
  readonly #connections = new Map<number, RelayConnection>()
  readonly #waiting = new Map<number, Waiting>()
  readonly #greeting: Promise<void>
  #resolveGreeting: () => void = () => undefined
  #rejectGreeting: (error: unknown) => void = () => undefined
  #stderr = ''
  #next = 1
  #ended = false
  #drained: (() => void)[] = []
  #lastReceived = 0
  #asking: NodeJS.Timeout | undefined

  constructor(process: RelayCarrier) {
    this.#process = process
    this.#greeting = new Promise((resolve, reject) => {
      this.#resolveGreeting = resolve
      this.#rejectGreeting = reject
    })
    this.#greeting.catch(() => undefined)
    process.stdout.on('data', (chunk: Buffer) => {
      this.#lastReceived = performance.now()
      try {
        this.#parser.push(chunk)
      } catch (error) {
        this.#end(connectionLost(error instanceof Error ? error.message : String(error)))
      }
    })
    process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = `${this.#stderr}${chunk.toString()}`.slice(-2000)
    })
    process.stdout.on('error', () => undefined)
    process.stderr?.on('error', () => undefined)
    process.stdin.on('error', () => undefined)
    process.stdin.on('drain', () => {
      for (const continued of this.#drained.splice(0)) continued()
    })
    void process.exit.then((exit) => {
      this.#end(exit.problem ? new ProblemError(exit.problem) : connectionLost(this.#stderr.trim()))
    })
  }

  /** Resolves once the program in the container has spoken; rejects when it ended before. */
  get ready(): Promise<void> {
    return this.#greeting
  }

  get ended(): boolean {
    return this.#ended
  }

  /** What it printed on stderr last. */
  get complaint(): string {
    return this.#stderr.trim()
  }

  open(port: number, signal: AbortSignal): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (this.#ended) return reject(connectionLost())
      const id = this.#newId()
      const patience = setInterval(() => this.#ask(), SILENCE)
      const onAbort = () => {
        clearInterval(patience)
        this.#waiting.delete(id)
        this.send(id, frame.rst, 0)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      const settled = () => {
        clearInterval(patience)
        signal.removeEventListener('abort', onAbort)
      }
      this.#waiting.set(id, {
        connection: new RelayConnection(this, id),
        port,
        resolve: (connection) => {
          settled()
          resolve(connection)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      })
      this.send(id, frame.open, port)
    })
  }

  /** Ids go round after 2^32 connections; by then the early ones are long gone. */
  #newId(): number {
    const id = this.#next
    this.#next = id === 0xffff_ffff ? 1 : id + 1
    return id
  }

  /** A network may swallow everything and tell nobody: a relay that says nothing at all is no relay any more. */
  #ask(): void {
    if (this.#asking || this.#ended) return
    const asked = performance.now()
    this.#asking = setTimeout(() => {
      this.#asking = undefined
      if (this.#lastReceived < asked) this.#end(connectionLost('it does not answer'))
    }, ANSWER_LIMIT)
    this.send(this.#newId(), frame.open, NO_PORT)
  }

  /** Ends the program and every connection over it. */
  destroy(): void {
    this.#end(connectionLost())
  }

  greeted(): void {
    this.#resolveGreeting()
  }

  control(id: number, type: number, value: number): void {
    const waiting = this.#waiting.get(id)
    if (waiting) {
      this.#waiting.delete(id)
      if (type === frame.ok) {
        this.#connections.set(id, waiting.connection)
        waiting.resolve(waiting.connection)
      } else if (type === frame.refused && value === REFUSED_NOTHING_LISTENS) {
        waiting.reject(portRefused(waiting.port))
      } else {
        waiting.reject(notConnected(waiting.port))
      }
      return
    }
    const connection = this.#connections.get(id)
    if (connection) connection.control(type, value)
    // Connected just as its caller gave up.
    else if (type === frame.ok) this.send(id, frame.rst, 0)
  }

  data(id: number, piece: Buffer): void {
    this.#connections.get(id)?.received(piece)
  }

  /** Returns false when the way is full; `whenDrained` then tells when it is not. */
  send(id: number, type: number, value: number, payload?: Buffer): boolean {
    const { stdin } = this.#process
    if (this.#ended || !stdin.writable) return true
    if (!payload) return stdin.write(header(id, type, value))
    stdin.cork()
    stdin.write(header(id, type, value))
    const free = stdin.write(payload)
    stdin.uncork()
    return free
  }

  whenDrained(continued: () => void): void {
    if (this.#ended) continued()
    else this.#drained.push(continued)
  }

  forget(id: number): void {
    this.#connections.delete(id)
  }

  #end(reason: ProblemError): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#asking)
    this.#rejectGreeting(reason)
    this.#process.destroy()
    for (const waiting of this.#waiting.values()) waiting.reject(reason)
    this.#waiting.clear()
    for (const connection of this.#connections.values()) connection.destroy(reason)
    this.#connections.clear()
    for (const continued of this.#drained.splice(0)) continued()
  }
}

/** Thrown into a connection whose other end reset it; `code` is what a socket of Node would say. */
export class ConnectionReset extends Error {
  readonly code = 'ECONNRESET'
  constructor() {
    super('read ECONNRESET')
    this.name = 'ConnectionReset'
  }
}

/** A TCP connection in the container, as a stream of this process. */
class RelayConnection extends Duplex {
  readonly #relay: Relay
  readonly #id: number
  /** Bytes that the relay can still take for this connection. */
  #credit = WINDOW
  /** Bytes received and taken by the reader, not yet given back. */
  #consumed = 0
  #reading = true
  #sendingEnded = false
  #receivingEnded = false
  #resume: (() => void) | undefined

  constructor(relay: Relay, id: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: 256 * 1024, writableHighWaterMark: 256 * 1024 })
    this.#relay = relay
    this.#id = id
    // Its owner's own handlers tell what happened; one that has none must not take the process down.
    this.on('error', () => undefined)
  }

  received(piece: Buffer): void {
    if (this.destroyed || this.#receivingEnded) return
    this.#consumed += piece.length
    this.#reading = this.push(piece)
    if (this.#reading) this.#giveBack()
  }

  control(type: number, value: number): void {
    if (type === frame.window) {
      this.#credit += value
      const resume = this.#resume
      this.#resume = undefined
      resume?.()
    } else if (type === frame.fin) {
      this.#receivingEnded = true
      this.push(null)
    } else if (type === frame.rst) {
      this.#sendingEnded = true
      this.#receivingEnded = true
      this.destroy(new ConnectionReset())
    }
  }

  override _read(): void {
    this.#reading = true
    this.#giveBack()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error) => void): void {
    this.#sendFrom(chunk, 0, callback)
  }

  override _final(callback: (error?: Error) => void): void {
    this.#sendingEnded = true
    this.#relay.send(this.#id, frame.fin, 0)
    callback()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#relay.forget(this.#id)
    if (!this.#sendingEnded || !this.#receivingEnded) this.#relay.send(this.#id, frame.rst, 0)
    this.#sendingEnded = true
    this.#receivingEnded = true
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
    callback(error)
  }

  #sendFrom(chunk: Buffer, start: number, callback: (error?: Error) => void): void {
    let at = start
    while (at < chunk.length) {
      if (this.destroyed) {
        callback()
        return
      }
      if (this.#credit <= 0) {
        const from = at
        this.#resume = () => this.#sendFrom(chunk, from, callback)
        return
      }
      const end = Math.min(chunk.length, at + MAXIMUM_PAYLOAD, at + this.#credit)
      this.#credit -= end - at
      const free = this.#relay.send(this.#id, frame.data, end - at, chunk.subarray(at, end))
      at = end
      if (!free) {
        const from = at
        this.#relay.whenDrained(() => this.#sendFrom(chunk, from, callback))
        return
      }
    }
    callback()
  }

  #giveBack(): void {
    if (this.#consumed < GIVE_BACK || this.#receivingEnded) return
    this.#relay.send(this.#id, frame.window, this.#consumed)
    this.#consumed = 0
  }
}

/** For tests and messages: whether a thrown thing is a Problem of this code. */
export function hasCode(error: unknown, code: Problem['code']): boolean {
  return error instanceof ProblemError && error.problem.code === code
}
