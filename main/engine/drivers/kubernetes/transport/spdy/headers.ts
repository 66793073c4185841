import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { SpdyProtocolError } from './frames'

/**
 * Headers of SPDY streams. Each direction is one zlib stream over all of its header blocks, which begins with the
 * dictionary of the draft (section 2.6.10.1) and is flushed after each block. node:zlib's streams work in their own
 * time and frames are in an order, so each block is a call of its own that is given what went before as dictionary:
 * after a flush the bits are aligned, and deflate (RFC 1951) knows no other state than its window.
 */

const lengthPrefixed = (word: string) => {
  const bytes = Buffer.alloc(4 + word.length)
  bytes.writeUInt32BE(word.length)
  bytes.write(word, 4, 'latin1')
  return bytes
}

const names =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow ' +
  'authorization cache-control connection content-base content-encoding content-language content-length ' +
  'content-location content-md5 content-range content-type date etag expect expires from host if-match ' +
  'if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma ' +
  'proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade ' +
  'user-agent vary via warning www-authenticate method get status'
const moreNames = ['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin']
const plain =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized' +
  '403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable' +
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT' +
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,' +
  'text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.'

const dictionary: Buffer = Buffer.concat([
  ...[...names.split(' '), ...moreNames].map(lengthPrefixed),
  Buffer.from(plain, 'latin1'),
])

/** Deflate, 32 KiB of window, with a dictionary of this Adler-32. */
const ZLIB_HEADER = Buffer.from([0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2])
const WINDOW = 32 * 1024
/** Against blocks that grow beyond all reason. */
const BLOCK_LIMIT = 256 * 1024

type Headers = Readonly<Record<string, string>>

function slide(window: Buffer, bytes: Buffer): Buffer {
  return Buffer.concat([window, bytes]).subarray(-WINDOW)
}

/** Compresses the header blocks of one direction, in the order in which they are sent. */
export class HeaderCompressor {
  #window: Buffer = dictionary
  #begun = false

  compress(headers: Headers): Buffer {
    const block = serialize(headers)
    const bytes = deflateRawSync(block, {
      dictionary: this.#window,
      finishFlush: constants.Z_SYNC_FLUSH,
      memLevel: 1,
    })
    this.#window = slide(this.#window, block)
    if (this.#begun) return bytes
    this.#begun = true
    return Buffer.concat([ZLIB_HEADER, bytes])
  }
}

/** Decompresses the header blocks of one direction; all of them, in their order. */
export class HeaderDecompressor {
  #window: Buffer = dictionary
  #begun = false

  /** Throws SpdyProtocolError. Names are in lower case. */
  decompress(block: Buffer): Record<string, string> {
    const bytes = this.#begun ? block : this.#withoutHeader(block)
    this.#begun = true
    let text: Buffer
    try {
      text = inflateRawSync(bytes, {
        dictionary: this.#window,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: BLOCK_LIMIT,
      })
    } catch (error) {
      throw new SpdyProtocolError(`headers that cannot be decompressed: ${(error as Error).message}`)
    }
    this.#window = slide(this.#window, text)
    return parse(text)
  }

  #withoutHeader(block: Buffer): Buffer {
    if (block.length < ZLIB_HEADER.length) throw new SpdyProtocolError('headers without a zlib stream')
    const [method = 0, flags = 0] = block
    if ((method & 0x0f) !== 8 || (method * 256 + flags) % 31 !== 0) {
      throw new SpdyProtocolError('headers without a zlib stream')
    }
    // Go's writer tells of the dictionary; one that does without it is just as good.
    if ((flags & 0x20) === 0) {
      this.#window = Buffer.alloc(0)
      return block.subarray(2)
    }
    if (block.readUInt32BE(2) !== ZLIB_HEADER.readUInt32BE(2)) {
      throw new SpdyProtocolError('headers with an unknown dictionary')
    }
    return block.subarray(ZLIB_HEADER.length)
  }
}

function serialize(headers: Headers): Buffer {
  const entries = Object.entries(headers)
  const count = Buffer.alloc(4)
  count.writeUInt32BE(entries.length)
  const parts: Buffer[] = [count]
  for (const [name, value] of entries) {
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text, 'utf8')
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      parts.push(length, bytes)
    }
  }
  return Buffer.concat(parts)
}

function parse(block: Buffer): Record<string, string> {
  let offset = 0
  const word = () => {
    if (offset + 4 > block.length) throw new SpdyProtocolError('a header block that is cut off')
    offset += 4
    return block.readUInt32BE(offset - 4)
  }
  const text = () => {
    const length = word()
    if (offset + length > block.length) throw new SpdyProtocolError('a header block that is cut off')
    offset += length
    return block.toString('utf8', offset - length, offset)
  }
  const headers: Record<string, string> = {}
  for (let left = word(); left > 0; left--) headers[text().toLowerCase()] = text()
  return headers
}
