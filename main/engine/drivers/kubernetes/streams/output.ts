import { Readable } from 'node:stream'

/** What a channel holds for a reader that stopped, in bytes, beside what the socket and the kernel hold. */
export const BUFFERED = 512 * 1024
/** The same for a terminal: all that lies between a program and the screen has to be shown before the prompt that follows Control-C. */
export const TERMINAL_BUFFERED = 64 * 1024

/** A Readable that is pushed to. Errors have a listener, so that an owner without one does not crash. */
export class Output extends Readable {
  readonly #wanted: () => void
  #ready = true
  #over = false
  #first: (() => void) | undefined

  /** `wanted` is called when there is room again after {@link offer} said that there was none. */
  constructor(wanted: () => void, buffered = BUFFERED) {
    super({ highWaterMark: buffered })
    this.#wanted = wanted
    this.on('error', () => undefined)
  }

  override _read(): void {
    if (this.#ready) return
    this.#ready = true
    this.#wanted()
  }

  /** Passes bytes on; false asks to wait. A destroyed output takes everything and keeps nothing. */
  offer(chunk: Buffer): boolean {
    if (chunk.length === 0 || this.#over || this.destroyed) return this.ready
    this.#first?.()
    this.#first = undefined
    this.#ready = this.push(chunk)
    return this.#ready
  }

  /** Calls back when the first bytes come. */
  onFirst(listener: () => void): void {
    this.#first = listener
  }

  /** Nothing more comes. */
  finish(): void {
    if (this.#over) return
    this.#over = true
    this.push(null)
  }

  /** False while a reader is slow; a destroyed one no longer holds anything up. */
  get ready(): boolean {
    return this.#ready || this.destroyed
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error)
    this.#wanted()
  }
}

/** Resolves when a stream has been read to its end, or destroyed. */
export function readToEnd(stream: Readable): Promise<void> {
  // One that nobody reads and that has nothing to read is over too.
  if (stream.destroyed || stream.readableEnded || stream.readableLength === 0) return Promise.resolve()
  return new Promise((resolve) => {
    stream.once('end', resolve)
    stream.once('close', resolve)
  })
}
