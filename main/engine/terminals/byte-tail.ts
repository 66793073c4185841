import { GROUND_STATE } from './xterm-internals'

/** A sequence longer than this (an image, say) is not carried over to a terminal that joins in the middle of it. */
const LONGEST_TAIL = 1_000_000

const ESCAPE = 0x1b

/**
 * The newest bytes of a stream that are not a whole character or escape sequence yet. A terminal that joins the
 * stream here needs them before what comes next, or it would show the rest of the sequence as text.
 */
export class ByteTail {
  #bytes: Uint8Array = new Uint8Array(0)

  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** @param state what state the parser is in after `chunk` */
  advance(chunk: Uint8Array, state: number): void {
    if (chunk.length === 0) return
    const open = state === GROUND_STATE ? incompleteCharacter(chunk) : -1
    if (state === GROUND_STATE && this.#bytes.length === 0) {
      this.#bytes = open > 0 ? chunk.slice(-open) : chunk.subarray(0, 0)
      return
    }
    const joined = new Uint8Array(this.#bytes.length + chunk.length)
    joined.set(this.#bytes)
    joined.set(chunk, this.#bytes.length)
    if (state === GROUND_STATE) {
      const length = incompleteCharacter(joined)
      this.#bytes = length > 0 ? joined.slice(-length) : joined.subarray(0, 0)
      return
    }
    // An escape begins a new sequence wherever it stands.
    const start = Math.max(joined.lastIndexOf(ESCAPE), 0)
    this.#bytes = joined.length - start > LONGEST_TAIL ? joined.subarray(0, 0) : joined.slice(start)
  }
}

/** How many bytes at the end are the beginning of a UTF-8 character; 0: none. */
function incompleteCharacter(bytes: Uint8Array): number {
  const end = bytes.length
  for (let back = 1; back <= Math.min(3, end); back++) {
    const byte = bytes[end - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return back < length ? back : 0
    }
  }
  return 0
}
