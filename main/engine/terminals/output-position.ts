import type { TerminalBeginning, TerminalPosition } from '../link/link'
import type { PipeMirror } from './output-pipe'

/** The screen mirror, as far as what it was given is concerned. */
export interface PositionedMirror extends PipeMirror {
  whenParsed(callback: () => void): void
}

/**
 * Knows of each byte on its way to the screen where it stands in the output of a kept terminal, and whether it is from
 * before the attaching. It stands before the mirror.
 */
export class OutputPosition implements PipeMirror {
  readonly #mirror: PositionedMirror
  /** Bytes that went into the pipe, and that came out of it, ever. */
  #in = 0
  #out = 0
  #epoch: string | undefined
  /** `offset` in the output is byte `at` of those that went in. */
  #base = { offset: 0, at: 0 }
  #checkpoint = 0
  #replayedTo = 0
  #isReplaying = false

  constructor(mirror: PositionedMirror) {
    this.#mirror = mirror
  }

  get pending(): number {
    return this.#mirror.pending
  }

  /** Whether what is being shown was shown before: questions in it have been answered. */
  get isReplaying(): boolean {
    return this.#isReplaying
  }

  /** Up to where output came. */
  get now(): TerminalPosition | undefined {
    return this.#at(this.#in)
  }

  /** Up to where the mirror was given it. */
  get shown(): TerminalPosition | undefined {
    return this.#at(this.#out)
  }

  /** Bytes of output since the last checkpoint, or since the beginning. */
  get sinceCheckpoint(): number {
    return this.#in - this.#checkpoint
  }

  #at(count: number): TerminalPosition | undefined {
    if (this.#epoch === undefined) return undefined
    return { epoch: this.#epoch, offset: this.#base.offset + count - this.#base.at }
  }

  checkpointed(): void {
    this.#checkpoint = this.#in
  }

  /** Whether what begins there goes on where the last output ended. */
  continues({ epoch, offset, snapshot }: TerminalBeginning): boolean {
    const { now } = this
    return now?.epoch === epoch && now.offset === offset && !snapshot
  }

  /** What is pushed from now on begins there; with `replay`, what was written before the attaching was shown before. */
  begin({ end, epoch, offset }: TerminalBeginning, replay: boolean): void {
    this.#epoch = epoch
    this.#base = { offset, at: this.#in }
    this.#checkpoint = this.#in
    this.#replayedTo = replay ? this.#in + end - offset : 0
    this.#isReplaying = this.#replayedTo > this.#out
  }

  /** So many bytes go into the pipe. */
  pushed(length: number): void {
    this.#in += length
  }

  write(chunk: Uint8Array): void {
    const left = this.#replayedTo - this.#out
    this.#out += chunk.length
    if (!this.#isReplaying || left > chunk.length) {
      this.#mirror.write(chunk)
      return
    }
    this.#mirror.write(chunk.subarray(0, left))
    this.#mirror.whenParsed(() => {
      this.#isReplaying = false
    })
    this.#mirror.write(chunk.subarray(left))
  }
}
