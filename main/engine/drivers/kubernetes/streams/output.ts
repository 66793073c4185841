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
  #skipping: Skipping | undefined

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
    if (chunk.length === 0 || this.#over) return this.ready
    if (this.#skipping) return this.#skip(this.#skipping, chunk)
    if (this.destroyed) return true
    this.#begin()
    this.#ready = this.push(chunk)
    return this.#ready
  }

  /**
   * Leaves out all up to and including `mark`, and calls back then. Where that never comes, only what a terminal
   * repeated of `input` is left out.
   */
  skipTo(mark: Buffer, input: Buffer, done: () => void): void {
    this.#skipping = { mark, input, done, seen: Buffer.alloc(0) }
  }

  #skip(skipping: Skipping, chunk: Buffer): boolean {
    skipping.seen = Buffer.concat([skipping.seen, chunk])
    const at = skipping.seen.indexOf(skipping.mark)
    if (at < 0) return this.ready
    this.#skipping = undefined
    this.#begin()
    skipping.done()
    return this.offer(skipping.seen.subarray(at + skipping.mark.length))
  }

  /** Calls back when the first bytes come. */
  onFirst(listener: () => void): void {
    this.#first = listener
  }

  #begin(): void {
    this.#first?.()
    this.#first = undefined
  }

  /** Nothing more comes. */
  finish(): void {
    if (this.#over) return
    const skipping = this.#skipping
    this.#skipping = undefined
    if (skipping) {
      this.offer(withoutEcho(skipping))
      skipping.done()
    }
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

interface Skipping {
  readonly mark: Buffer
  readonly input: Buffer
  readonly done: () => void
  seen: Buffer
}

function withoutEcho({ seen, input }: Skipping): Buffer {
  const lines = new Set(input.toString('utf8').split('\n'))
  const kept = seen
    .toString('utf8')
    .split('\r\n')
    .filter((line) => !lines.has(line) || line === '')
  return Buffer.from(kept.join('\r\n'))
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
