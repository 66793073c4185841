/** The contract's ACK_EVERY; spelled out because importing it would bring the schema library into this chunk. */
const ACK_EVERY = 5_000
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
