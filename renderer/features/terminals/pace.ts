/** The contract's ACK_EVERY; spelled out because importing it would bring the schema library into this chunk. */
const ACK_EVERY = 65_536
/** The emulator looks at the clock between pieces, so a piece is what it parses in a millisecond or two. */
const PIECE = 16_384

/** A chunk in parts small enough that a page stays responsive while it is parsed. */
export function pieces(data: Uint8Array): readonly Uint8Array[] {
  if (data.length <= PIECE) return [data]
  const parts: Uint8Array[] = []
  for (let at = 0; at < data.length; at += PIECE) parts.push(data.subarray(at, at + PIECE))
  return parts
}

/** Tells the engine how much was parsed, once per {@link ACK_EVERY} bytes. */
export class AckCounter {
  #consumed = 0

  constructor(private readonly acknowledge: (bytes: number) => void) {}

  consumed(bytes: number): void {
    this.#consumed += bytes
    if (this.#consumed < ACK_EVERY) return
    this.acknowledge(this.#consumed)
    this.#consumed = 0
  }
}

/** So much output within {@link SPAN} is more than anybody reads, bytes. */
const FLOOD = 200_000
/** Milliseconds. */
const SPAN = 100
/** Output that has not come for this long has come to its end, milliseconds. */
const LULL = 60
/** Who has typed just now, so many milliseconds ago, looks for what comes of it: a shorter lull ends the flood then. */
const ATTENTION = 500
const SHORT_LULL = 8

/** Tells whether output comes faster than anybody can read it, from what came of late. */
export class FloodGauge {
  #spanBegan = Number.NEGATIVE_INFINITY
  #inSpan = 0
  #inSpanBefore = 0
  #last = Number.NEGATIVE_INFINITY
  #typed = Number.NEGATIVE_INFINITY

  /** @param now milliseconds of a clock that only goes forward, as for {@link isFlood} */
  came(bytes: number, now: number): void {
    const age = now - this.#spanBegan
    if (age >= SPAN) {
      this.#inSpanBefore = age < 2 * SPAN ? this.#inSpan : 0
      this.#inSpan = 0
      this.#spanBegan = now
    }
    this.#inSpan += bytes
    this.#last = now
  }

  /** The user typed, and looks for what comes after what is under way. */
  typed(now: number): void {
    this.#typed = now
  }

  isFlood(now: number): boolean {
    const lull = now - this.#typed < ATTENTION ? SHORT_LULL : LULL
    if (now - this.#last >= lull) return false
    return this.#inSpan >= FLOOD || this.#inSpanBefore >= FLOOD
  }
}
