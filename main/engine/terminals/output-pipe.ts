import { HIGH_WATER } from '#contract'

/** Bytes that make a batch worth sending without waiting for more. */
export const BATCH = 65_536
/** Milliseconds that output waits for company, unless nothing was sent that long. */
export const BATCH_DELAY = 5
/** With less room than this at a window the pipe waits for its next acknowledgement rather than send crumbs. */
export const LEAST_ROOM = 32_768
/** Unparsed bytes at the mirror above which nothing more is sent. */
export const MIRROR_HIGH = 262_144

/** Where the bytes come from. Both may be called repeatedly. */
export interface PipeSource {
  pause(): void
  resume(): void
}

/** One that gets the bytes. */
export interface PipeSink {
  /** Bytes that it takes now; 0 while it takes none. */
  room(): number
  /** The chunk is the sink's to read, not to change or transfer. */
  send(chunk: Uint8Array<ArrayBuffer>): void
}

/** The mirror as the pipe sees it. */
export interface PipeMirror {
  readonly pending: number
  write(chunk: Uint8Array): void
}

/**
 * Takes a process's output to all windows and the mirror, all at the same pace: that of the slowest. Sends the first
 * bytes after a pause at once, later ones in batches of up to {@link BATCH} bytes or {@link BATCH_DELAY}
 * milliseconds. Holds one batch itself and pauses the source above that, so that little stands between a key and
 * its effect on the screen.
 */
export class OutputPipe {
  readonly #source: PipeSource
  readonly #mirror: PipeMirror
  readonly #sinks = new Set<PipeSink>()
  #held: Uint8Array[] = []
  #heldBytes = 0
  #paused = false
  #timer: NodeJS.Timeout | undefined
  #lastSent = Number.NEGATIVE_INFINITY
  #whenEmpty: (() => void) | undefined
  #stopped = false

  constructor(source: PipeSource, mirror: PipeMirror) {
    this.#source = source
    this.#mirror = mirror
  }

  /** Bytes taken and not yet sent. */
  get held(): number {
    return this.#heldBytes
  }

  push(chunk: Uint8Array): void {
    if (this.#stopped || chunk.length === 0) return
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    this.#advance()
  }

  add(sink: PipeSink): void {
    this.#sinks.add(sink)
  }

  remove(sink: PipeSink): void {
    if (this.#sinks.delete(sink)) this.#advance()
  }

  /** A sink or the mirror takes more than it did. */
  roomMade(): void {
    this.#advance()
  }

  /** A key was pressed: what comes next is probably its echo and goes out at once. */
  hurry(): void {
    this.#lastSent = Number.NEGATIVE_INFINITY
    if (this.#timer !== undefined) this.#advance()
  }

  /** Nothing more will be pushed: sends what is held as soon as it can, and calls back. */
  end(callback: () => void): void {
    this.#whenEmpty = callback
    this.#advance()
  }

  /** Sends nothing any more. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#held = []
    this.#heldBytes = 0
  }

  #advance(): void {
    if (this.#stopped) return
    while (this.#heldBytes > 0) {
      const room = this.#room()
      if (room < Math.min(this.#heldBytes, LEAST_ROOM)) {
        clearTimeout(this.#timer)
        this.#timer = undefined
        break
      }
      const wait = this.#lastSent + BATCH_DELAY - performance.now()
      if (this.#heldBytes < BATCH && wait > 0 && this.#whenEmpty === undefined) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined
          this.#lastSent = Number.NEGATIVE_INFINITY
          this.#advance()
        }, wait)
        break
      }
      this.#send(Math.min(room, BATCH))
    }
    this.#throttleSource()
    if (this.#heldBytes === 0 && this.#whenEmpty) {
      const callback = this.#whenEmpty
      this.#whenEmpty = undefined
      callback()
    }
  }

  #room(): number {
    let room = this.#mirror.pending > MIRROR_HIGH ? 0 : HIGH_WATER
    for (const sink of this.#sinks) room = Math.min(room, sink.room())
    return room
  }

  #send(limit: number): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const chunk = this.#take(limit)
    this.#lastSent = performance.now()
    this.#mirror.write(chunk)
    for (const sink of [...this.#sinks]) sink.send(chunk)
  }

  /** The oldest bytes, up to `limit`, in a buffer of exactly their size: posting a view would copy all that is under it. */
  #take(limit: number): Uint8Array<ArrayBuffer> {
    const size = Math.min(limit, this.#heldBytes)
    const chunk = new Uint8Array(size)
    let filled = 0
    let used = 0
    for (const part of this.#held) {
      const space = size - filled
      if (space === 0) break
      if (part.length > space) {
        chunk.set(part.subarray(0, space), filled)
        this.#held[used] = part.subarray(space)
        filled = size
        break
      }
      chunk.set(part, filled)
      filled += part.length
      used += 1
    }
    this.#held.splice(0, used)
    this.#heldBytes -= size
    return chunk
  }

  #throttleSource(): void {
    const full = this.#heldBytes >= BATCH
    if (full && !this.#paused) {
      this.#paused = true
      this.#source.pause()
    } else if (this.#paused && this.#heldBytes < BATCH / 2) {
      this.#paused = false
      this.#source.resume()
    }
  }
}
