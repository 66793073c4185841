/** A page at which nobody works and to which nothing comes for so long is quiet, milliseconds. */
const QUIET = 5_000
/** Caches have to be filled again: no more often than this, milliseconds. */
const EVERY = 60_000

/** What tells that somebody is at work. */
const INPUTS = ['keydown', 'pointerdown', 'pointermove', 'wheel'] as const

/** Calls back once in each quiet time. Costs no timer while it lasts. */
export class QuietTimes {
  readonly #begin: () => void
  #last = 0
  #begun = -Infinity
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(begin: () => void) {
    this.#begin = begin
  }

  active(): void {
    this.#last = performance.now()
    this.#timer ??= setTimeout(() => this.#look(), QUIET)
  }

  #look(): void {
    this.#timer = undefined
    const now = performance.now()
    const wait = Math.max(this.#last + QUIET, this.#begun + EVERY) - now
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#look(), wait)
      return
    }
    this.#begun = now
    this.#begin()
  }
}

const quiet = new QuietTimes(() => window.berth.giveMemoryBack())

/** Something is being done. Costs next to nothing: floods call it for each of their pieces. */
export function noteWork(): void {
  quiet.active()
}

/**
 * Gives memory back to the system from now on when the page has become quiet. A browser keeps what a burst of work
 * has made it take until more work comes, and a window of terminals mostly waits.
 */
export function giveMemoryBackWhenQuiet(): void {
  for (const name of INPUTS) window.addEventListener(name, noteWork, { passive: true, capture: true })
  noteWork()
}
