import { SshProtocolError } from '../ssh/wire'

/** Longest packet that is taken, in bytes: the agent sends 256 KiB of a file, and 128 names, at most. */
const LONGEST = 1024 * 1024

/** Takes packets out of what comes in pieces: each with a length before it (section 3). Throws {@link SshProtocolError}. */
export class Frames {
  #pieces: Buffer[] = []
  #length = 0

  push(chunk: Buffer): Buffer[] {
    this.#pieces.push(chunk)
    this.#length += chunk.length
    const frames: Buffer[] = []
    while (this.#length >= 4) {
      const size = this.#next()
      if (size === 0 || size > LONGEST) throw new SshProtocolError(`a packet of ${size} bytes`)
      if (this.#length < 4 + size) break
      frames.push(this.#take(4 + size).subarray(4))
    }
    return frames
  }

  #next(): number {
    const [first] = this.#pieces
    if (first && first.length >= 4) return first.readUInt32BE(0)
    // Seldom: four bytes that came in two pieces.
    this.#pieces = [Buffer.concat(this.#pieces)]
    return (this.#pieces[0] as Buffer).readUInt32BE(0)
  }

  #take(size: number): Buffer {
    this.#length -= size
    const [first] = this.#pieces as [Buffer]
    if (first.length === size) {
      this.#pieces.shift()
      return first
    }
    if (first.length > size) {
      this.#pieces[0] = first.subarray(size)
      return first.subarray(0, size)
    }
    const whole = Buffer.allocUnsafe(size)
    let at = 0
    while (at < size) {
      const piece = this.#pieces[0] as Buffer
      const part = piece.subarray(0, size - at)
      part.copy(whole, at)
      at += part.length
      if (part.length === piece.length) this.#pieces.shift()
      else this.#pieces[0] = piece.subarray(part.length)
    }
    return whole
  }
}
