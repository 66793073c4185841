import { cancelled } from '#contract'

interface Run<T> {
  readonly result: Promise<T>
  readonly controller: AbortController
  waiting: number
}

/**
 * Work that many may ask for and that runs once at a time: whoever asks while it runs gets its result. When the last
 * one has given up it is aborted, and it begins again only after it has ended.
 */
export class SharedTask<T> {
  readonly #work: (signal: AbortSignal) => Promise<T>
  #run: Run<T> | undefined
  #previous: Promise<unknown> = Promise.resolve()

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#work = work
  }

  /** Rejects with the work's own error, or as cancelled when `signal` aborts, which leaves the others be. */
  async ask(signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) throw cancelled()
    const run = this.#run ?? this.#begin()
    run.waiting += 1
    let onAbort: (() => void) | undefined
    try {
      return await Promise.race([
        run.result,
        new Promise<never>((_, reject) => {
          onAbort = () => reject(cancelled())
          signal?.addEventListener('abort', onAbort, { once: true })
        }),
      ])
    } finally {
      if (onAbort) signal?.removeEventListener('abort', onAbort)
      run.waiting -= 1
      if (run.waiting === 0) this.#end(run)
    }
  }

  /** Aborts what runs; whoever waits for it is told that it was cancelled. */
  dispose(): void {
    if (this.#run) this.#end(this.#run)
  }

  #begin(): Run<T> {
    const controller = new AbortController()
    const previous = this.#previous
    const result = previous.then(() => {
      if (controller.signal.aborted) throw cancelled()
      return this.#work(controller.signal)
    })
    const run = { result, controller, waiting: 0 }
    const over = () => {
      if (this.#run === run) this.#run = undefined
    }
    this.#previous = result.then(over, over)
    this.#run = run
    return run
  }

  #end(run: Run<T>): void {
    run.controller.abort()
    if (this.#run === run) this.#run = undefined
  }
}
