import { constants, inflateRawSync } from 'node:zlib'

/** Reads blocks of headers that do not refer to each other, for tests: with zlib, as a server does. */
export class HeaderReader {
  #begun = false

  read(block: Buffer): Record<string, string> {
    if (!this.#begun && block.toString('hex', 0, 6) !== '78bbe3c6a7c2')
      throw new Error('headers do not begin with a zlib header that names the dictionary')
    const bytes = this.#begun ? block : block.subarray(6)
    this.#begun = true
    const text = inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
    let at = 0
    const number = () => {
      at += 4
      return text.readUInt32BE(at - 4)
    }
    const string = () => {
      const length = number()
      at += length
      return text.toString('utf8', at - length, at)
    }
    const headers: Record<string, string> = {}
    for (let left = number(); left > 0; left--) headers[string()] = string()
    if (at !== text.length) throw new Error('headers of another length than they say')
    return headers
  }
}
