import { randomUUID } from 'node:crypto'
import type { Writable } from 'node:stream'

/** Bytes that are kept while there is nobody to take them; what is typed after that is dropped until there is. */
export const WAITING_INPUT = 65_536

/**
 * What is typed into a terminal, on its way to the process: what is typed before that is there waits for it. A kept
 * terminal says how much it was typed, so that what a lost connection did not bring is sent again over the next one,
 * and nothing twice.
 */
export class TypedInput {
  /** Who types, for the one that counts. */
  readonly writer = randomUUID()
  readonly #dropped: () => void
  #process: Writable | undefined
  /** Whether what was sent is kept until it is known to have arrived. */
  #isCounted = false
  /** The oldest first; of all that was ever typed, the first begins at `#from`. */
  #kept: Uint8Array[] = []
  #from = 0
  /** Bytes of those kept, and of these those that were sent. */
  #size = 0
  #sent = 0
  #isFull = false

  /** @param dropped called when input is dropped, once until a process is there again */
  constructor(dropped: () => void) {
    this.#dropped = dropped
  }

  type(data: Uint8Array): void {
    if (this.#process) this.#send(this.#process, data)
    else if (!this.#isFull && this.#size - this.#sent + data.length <= WAITING_INPUT) this.#keep(data)
    else if (!this.#isFull) {
      // What comes later must not seem to follow what came before.
      this.#isFull = true
      this.#dropped()
    }
  }

  /**
   * There is a process, which is given what waits.
   * @param typed how much of this writer's input it has; undefined where that is not counted
   */
  attach(process: Writable, typed: number | undefined): void {
    const isKnown = typed !== undefined && typed >= this.#from && typed <= this.#from + this.#sent
    this.#forget(isKnown ? typed - this.#from : this.#sent)
    this.#from = typed ?? 0
    this.#isCounted = typed !== undefined
    this.#isFull = false
    this.#process = process
    const waiting = this.#kept
    this.#kept = []
    this.#size = 0
    this.#sent = 0
    for (const data of waiting) this.#send(process, data)
  }

  /** The process has so much of what was typed. */
  arrived(typed: number): void {
    this.#forget(Math.min(typed - this.#from, this.#sent))
  }

  /** The way to the process is gone. */
  detach(): void {
    this.#process = undefined
  }

  /** Nothing is typed any more. */
  end(): void {
    this.detach()
    this.#forget(this.#size)
  }

  #send(process: Writable, data: Uint8Array): void {
    if (this.#isCounted) {
      this.#keep(data)
      this.#sent += data.length
    }
    if (!process.writableEnded && !process.destroyed) process.write(data)
  }

  #keep(data: Uint8Array): void {
    this.#kept.push(data)
    this.#size += data.length
  }

  #forget(length: number): void {
    if (length <= 0) return
    let left = length
    let whole = 0
    for (const data of this.#kept) {
      if (data.length > left) break
      left -= data.length
      whole += 1
    }
    this.#kept.splice(0, whole)
    const [first] = this.#kept
    if (first && left > 0) this.#kept[0] = first.subarray(left)
    this.#from += length
    this.#size -= length
    this.#sent = Math.max(this.#sent - length, 0)
  }
}
