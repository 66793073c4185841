import { SshProtocolError } from '../ssh/connection'

/** Longest line that is taken, in bytes: the agent tells 4096 listeners at most, of 4 KiB each. */
const LONGEST = 32 * 1024 * 1024

/** Takes lines out of what comes in pieces. Throws {@link SshProtocolError} on one without an end. */
export class Lines {
  #pieces: Buffer[] = []
  #length = 0

  push(chunk: Buffer): string[] {
    const end = chunk.lastIndexOf(10)
    if (end < 0) {
      this.#keep(chunk)
      return []
    }
    const whole = Buffer.concat([...this.#pieces, chunk.subarray(0, end)]).toString('utf8')
    this.#pieces = []
    this.#length = 0
    this.#keep(chunk.subarray(end + 1))
    return whole.split('\n')
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#length > LONGEST) throw new SshProtocolError('a line without an end')
  }
}
