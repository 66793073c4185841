import type { Writable, WritableOptions } from 'node:stream'
import type { StreamEnd } from '../api'
import type { Output } from './output'
import type { Prologue } from './prologue'

/** How a remote command is spoken to; see {@link openCommand}. */
export type CommandProtocol = 'websocket-v5' | 'spdy' | 'websocket-v4'

/** What the other side said, once nothing more comes from it. */
export interface CommandEnding {
  /** Text of the status channel; empty where none came. */
  readonly status: string
  /** How the connection ended, for the detail of a Problem. */
  readonly reason: string
}

/** The channels of one exec, whatever carries them. Outputs stay open until {@link finish}. */
export interface RemoteCommand {
  readonly protocol: CommandProtocol
  /**
   * `end()` is the process's end of file; with a terminal, the key for it. Over `websocket-v4` there is no way to say
   * it (kubernetes#89899): the process then sees no end of its input for as long as it runs.
   */
  readonly stdin: Writable
  readonly stdout: Output
  /** Null with a terminal. */
  readonly stderr: Output | null
  /** Never rejects. Resolves when all output was taken from the connection, or the connection is over. */
  readonly ended: Promise<CommandEnding>
  resize(columns: number, rows: number): void
  /** Ends the outputs, what is buffered in them is still read. */
  finish(): void
  /** Ends the connection at once. */
  destroy(): void
}

/** How long output may still take to arrive behind the status of its process, in milliseconds. */
export const LINGER = 2_000

/**
 * Waits until `over` or, where the other side never ends what it has nothing to say on any more, until nothing came
 * for {@link LINGER} although it was read.
 */
export function afterLastOutput(
  over: Promise<void>,
  lastActivity: () => number,
  blocked: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!blocked() && performance.now() - lastActivity() > LINGER) done()
    }, LINGER / 4)
    const done = () => {
      clearInterval(timer)
      resolve()
    }
    void over.then(done)
  })
}

/** Why a connection is over: where its streams end a moment before it does, that moment is waited for. */
export function reasonOf(ended: Promise<StreamEnd>): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(''), LINGER / 4)
    void ended.then(({ reason }) => {
      clearTimeout(timer)
      resolve(reason)
    })
  })
}

/** The body of a message on the resize channel. */
export function terminalSize(columns: number, rows: number): string {
  return JSON.stringify({ Width: columns, Height: rows })
}

/** What a terminal takes for the end of its input, at the beginning of a line. */
const END_OF_TRANSMISSION = 4
const LINE_FEED = 10

/** Remembers what a terminal's end of input takes: within a line the first key only hands the line over. */
export class TerminalInput {
  #atLineStart = true

  wrote(chunk: Buffer): void {
    if (chunk.length > 0) this.#atLineStart = chunk[chunk.length - 1] === LINE_FEED
  }

  get endKeys(): Buffer {
    return Buffer.alloc(this.#atLineStart ? 1 : 2, END_OF_TRANSMISSION)
  }
}

/** The input of a command. */
export interface CommandInput {
  readonly stream: Writable
  /** Lets through what follows a prologue. */
  readonly open: () => void
}

/** Sends a prologue before all else, and holds back what follows it until that is to come. */
export class InputGate {
  readonly #prologue: Prologue | undefined
  readonly #send: (bytes: Buffer, done: () => void) => void
  #isOpen = false
  #done: (() => void) | undefined

  constructor(prologue: Prologue | undefined, send: (bytes: Buffer, done: () => void) => void) {
    this.#prologue = prologue
    this.#send = send
  }

  /** The option of a Writable that holds back its first write. */
  get construct(): Pick<WritableOptions, 'construct'> {
    const prologue = this.#prologue
    if (!prologue) return {}
    return {
      construct: (done) => {
        this.#done = done
        this.#send(prologue.input, () => {
          if (!prologue.told || this.#isOpen) this.open()
        })
      },
    }
  }

  open(): void {
    this.#isOpen = true
    const done = this.#done
    this.#done = undefined
    done?.()
  }
}
