import { describe, expect, test } from 'vitest'
import { SpdyProtocolError } from './frames'
import { HeaderCompressor, HeaderDecompressor } from './headers'

const blocks: Readonly<Record<string, string>>[] = [
  { streamtype: 'error', port: '8080', requestid: '0' },
  { streamtype: 'data', port: '8080', requestid: '0' },
  {},
  { streamtype: 'error', port: '8080', requestid: '1', long: 'x'.repeat(40_000) },
  { streamtype: 'data', port: '8080', requestid: '1', umlaut: 'ä' },
]

describe('headers of SPDY', () => {
  test('come out of the other side as they went in, block by block', () => {
    const compressor = new HeaderCompressor()
    const decompressor = new HeaderDecompressor()
    const sizes = blocks.map((headers) => {
      const block = compressor.compress(headers)
      expect(decompressor.decompress(block)).toEqual(headers)
      return block.length
    })
    // The second block refers to the first one.
    expect(sizes[1]).toBeLessThan((sizes[0] ?? 0) / 2)
  })

  test('of moby/spdystream are understood', () => {
    // What version 0.5.0 writes for two streams; the second refers to the first.
    const decompressor = new HeaderDecompressor()
    const first = '78f9e3c6a7c26260606004a7b392a2d4c45c6851c25a5c92929907000000ffff'
    expect(decompressor.decompress(Buffer.from(first, 'hex'))).toEqual({ streamtype: 'stdin' })
    const second = 'c22ac5565c92925f5a02000000ffff'
    expect(decompressor.decompress(Buffer.from(second, 'hex'))).toEqual({ streamtype: 'stdout' })
  })

  test('that are no zlib stream, or cut off, break the protocol', () => {
    const valid = new HeaderCompressor().compress({ name: 'value' })
    for (const block of [
      Buffer.alloc(0),
      Buffer.from('hello, world'),
      Buffer.concat([Buffer.from('78bb00000000', 'hex'), valid.subarray(6)]),
      Buffer.concat([valid.subarray(0, 6), Buffer.from('ffffffff', 'hex')]),
      valid.subarray(0, valid.length - 8),
    ]) {
      expect(() => new HeaderDecompressor().decompress(block)).toThrow(SpdyProtocolError)
    }
  })

  test('that would fill the memory break the protocol', () => {
    const block = new HeaderCompressor().compress({ name: 'x'.repeat(1024 * 1024) })
    expect(block.length).toBeLessThan(64 * 1024)
    expect(() => new HeaderDecompressor().decompress(block)).toThrow(SpdyProtocolError)
  })
})
