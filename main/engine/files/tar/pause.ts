/** Milliseconds of work between two chances for everything else in this process. */
const BUDGET = 8

/**
 * Lets work in small steps that cannot wait, such as calls of a file system that answers at once, go on for a while, and
 * then everything else have its turn. Thousands of small files take a third of the time that way: each call that does
 * wait is a journey to another thread and back.
 */
export class Pause {
  #since = performance.now()

  get isDue(): boolean {
    return performance.now() - this.#since > BUDGET
  }

  async now(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.#since = performance.now()
  }
}
