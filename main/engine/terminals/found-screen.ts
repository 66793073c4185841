import type { TerminalBeginning } from '../link/link'

/** What may have been printed since a screen was left, in bytes; with more, reading it again is no faster. */
const LITTLE = 65_536

/** A terminal of a size, as escape sequences for a fresh one of that size. */
export interface Screen {
  readonly data: Uint8Array<ArrayBuffer>
  readonly columns: number
  readonly rows: number
}

/**
 * The screen that a kept terminal was found with, and what it has printed since. As long as that is little, a window
 * can begin with it at once, and need not wait until the mirror has read it and written it again.
 */
export class FoundScreen {
  readonly #left: Screen
  readonly #now: { readonly columns: number; readonly rows: number }
  #printed: Uint8Array[] = []
  #bytes = 0

  constructor(left: Screen, { columns, rows }: Pick<TerminalBeginning, 'columns' | 'rows'>) {
    this.#left = left
    this.#now = { columns, rows }
  }

  /** These bytes go to the screen. Returns whether it is still little that did. */
  add(chunk: Uint8Array): boolean {
    this.#bytes += chunk.length
    this.#printed.push(chunk)
    return this.#bytes <= LITTLE
  }

  /** As it was left, and what is shown after that in the size that it has now. */
  get screens(): readonly [Screen, Screen] {
    return [this.#left, { data: new Uint8Array(Buffer.concat(this.#printed)), ...this.#now }]
  }
}
