/**
 * Headers of SPDY streams. Each direction is one zlib stream over all of its header blocks, which begins with the
 * dictionary of the draft (section 2.6.10.1) and is flushed after each block. Ours are stored, not compressed (RFC 1951,
 * 3.2.4): a few dozen bytes are not worth a compressor's call. The server's tell nothing that a client asks for, and
 * are not read.
 */

type Headers = Readonly<Record<string, string>>

/** Deflate, 32 KiB of window, with a dictionary of this Adler-32 (RFC 1950, 2.2). */
const ZLIB_HEADER = Buffer.from([0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2])
/** An empty stored block: whoever decompresses hands out all that came before it. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff])
const STORED_AT_MOST = 0xffff

/** Writes the header blocks of one direction, in the order in which they are sent. */
export class HeaderWriter {
  #begun = false

  write(headers: Headers): Buffer {
    const text = serialize(headers)
    const parts: Buffer[] = this.#begun ? [] : [ZLIB_HEADER]
    this.#begun = true
    for (let at = 0; at < text.length; at += STORED_AT_MOST) {
      const piece = text.subarray(at, at + STORED_AT_MOST)
      const head = Buffer.alloc(5)
      head.writeUInt16LE(piece.length, 1)
      head.writeUInt16LE(piece.length ^ 0xffff, 3)
      parts.push(head, piece)
    }
    return Buffer.concat([...parts, FLUSH])
  }
}

function serialize(headers: Headers): Buffer {
  const texts = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value])
  const sizes = texts.map((text) => Buffer.byteLength(text))
  const block = Buffer.alloc(sizes.reduce((sum, size) => sum + 4 + size, 4))
  let at = block.writeUInt32BE(texts.length / 2)
  for (const [index, text] of texts.entries()) {
    at = block.writeUInt32BE(sizes[index] ?? 0, at)
    at += block.write(text, at)
  }
  return block
}
