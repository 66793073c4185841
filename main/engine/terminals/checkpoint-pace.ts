/** Output that is worth a checkpoint, bytes: less is read again as quickly. */
export const CHECKPOINT_WORTH = 64 * 1024
/** Milliseconds without output after which there is one, if it is worth it. */
export const CHECKPOINT_QUIET = 500
/**
 * While output does not pause there is one after so many bytes, but at most one in so many milliseconds: it costs tens
 * of milliseconds. There is none in the flood of a log, whose end is all that there is to see: the workspace keeps by far
 * more of it than there is scrollback.
 */
export const CHECKPOINT_EVERY = { bytes: 2 * 1024 * 1024, milliseconds: 2_500 }

/** Says when the screen of a terminal is to be left with its workspace: who attaches anew need not read all then. */
export class CheckpointPace {
  readonly #due: () => void
  #timer: NodeJS.Timeout | undefined
  #last = performance.now()

  constructor(due: () => void) {
    this.#due = due
  }

  /** Something was printed; `since` is what was since the last checkpoint, in bytes. `isLog`: in the flood of a log. */
  printed(since: number, isLog: boolean): void {
    if (since < CHECKPOINT_WORTH) return
    const isLate = performance.now() - this.#last >= CHECKPOINT_EVERY.milliseconds
    if (since >= CHECKPOINT_EVERY.bytes && isLate && !isLog) this.#now()
    else if (this.#timer) this.#timer.refresh()
    else this.#timer = setTimeout(() => this.#now(), CHECKPOINT_QUIET)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #now(): void {
    this.stop()
    this.#last = performance.now()
    this.#due()
  }
}
