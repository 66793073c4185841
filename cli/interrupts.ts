import { exitCodes } from './exit-codes'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
export type InterruptSignal = (typeof signals)[number]

/**
 * Ctrl-C and its kin. The first one aborts `signal` and lets the command end its work; the second ends the process
 * at once. A command may take over and handle them itself.
 */
export class Interrupts {
  readonly #controller = new AbortController()
  #owner: ((signal: InterruptSignal) => void) | undefined
  readonly #force: (code: number) => void

  constructor(force: (code: number) => void = (code) => process.exit(code)) {
    this.#force = force
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  listen(): () => void {
    for (const signal of signals) process.on(signal, this.#receive)
    return () => {
      for (const signal of signals) process.off(signal, this.#receive)
    }
  }

  /** Until the returned function is called, interrupts go to `owner` and abort nothing. */
  takeOver(owner: (signal: InterruptSignal) => void): () => void {
    this.#owner = owner
    return () => {
      if (this.#owner === owner) this.#owner = undefined
    }
  }

  /** Ends the command from within, as a first Ctrl-C does. */
  abort(): void {
    this.#controller.abort()
  }

  /** What an interrupt does where nobody took over. */
  interrupt(): void {
    if (this.#controller.signal.aborted) this.#force(exitCodes.cancelled)
    else this.abort()
  }

  readonly #receive = (signal: InterruptSignal): void => {
    if (this.#owner) this.#owner(signal)
    else this.interrupt()
  }
}
