import { describe, expect, test } from 'vitest'
import {
  type ControlFrame,
  dataHeader,
  FrameParser,
  goAwayFrame,
  pingFrame,
  resetFrame,
  SpdyProtocolError,
  synReplyFrame,
  synStreamFrame,
} from './frames'

function record() {
  const seen: (ControlFrame | { data: string; streamId: number } | { fin: number })[] = []
  const parser = new FrameParser({
    control: (frame) => seen.push(frame),
    data: (streamId, piece) => seen.push({ data: piece.toString(), streamId }),
    fin: (streamId) => seen.push({ fin: streamId }),
  })
  return { parser, seen }
}

const everything = Buffer.concat([
  synStreamFrame(1, Buffer.from('headers')),
  synReplyFrame(1, Buffer.from('more')),
  pingFrame(7),
  dataHeader(1, 0, false),
  dataHeader(3, 0, true),
  resetFrame(3, 5),
  goAwayFrame(3, 0),
])

describe('frames', () => {
  test('come out as they went in', () => {
    const { parser, seen } = record()
    parser.push(everything)
    parser.push(Buffer.concat([dataHeader(5, 5, true), Buffer.from('hello')]))
    expect(seen).toEqual([
      { kind: 'syn-stream', streamId: 1, fin: false, block: Buffer.from('headers') },
      { kind: 'syn-reply', streamId: 1, fin: false },
      { kind: 'ping', id: 7 },
      { fin: 3 },
      { kind: 'rst-stream', streamId: 3, status: 5 },
      { kind: 'go-away', lastStreamId: 3, status: 0 },
      { data: 'hello', streamId: 5 },
      { fin: 5 },
    ])
  })

  test('are the same when they come byte by byte', () => {
    const whole = record()
    whole.parser.push(everything)
    const pieces = record()
    for (const byte of everything) pieces.parser.push(Buffer.from([byte]))
    expect(pieces.seen).toEqual(whole.seen)
  })

  test('data is passed on before its frame is whole, without a copy', () => {
    const { parser, seen } = record()
    parser.push(dataHeader(1, 6, true))
    parser.push(Buffer.from('abc'))
    expect(seen).toEqual([{ data: 'abc', streamId: 1 }])
    parser.push(Buffer.from('def'))
    expect(seen).toEqual([{ data: 'abc', streamId: 1 }, { data: 'def', streamId: 1 }, { fin: 1 }])
  })

  test('are laid out as the draft has them', () => {
    expect(pingFrame(1).toString('hex')).toBe('80030006' + '00000004' + '00000001')
    expect(resetFrame(1, 5).toString('hex')).toBe('80030003' + '00000008' + '00000001' + '00000005')
    expect(dataHeader(3, 2, true).toString('hex')).toBe('00000003' + '01000002')
    expect(synStreamFrame(5, Buffer.from([0xaa])).toString('hex')).toBe(
      '80030001' + '0000000b' + '00000005' + '00000000' + '0000' + 'aa',
    )
  })

  test.each([
    ['another version', '8002000600000004'],
    ['a control frame without end', '8003000100ffffff'],
    ['data for no stream', '0000000000000001'],
    ['a reply for no stream', '800300020000000400000000'],
    ['a reset that is too short', '800300030000000400000001'],
    ['an empty ping', '8003000600000000'],
  ])('%s breaks the protocol', (_name, hex) => {
    expect(() => record().parser.push(Buffer.from(hex, 'hex'))).toThrow(SpdyProtocolError)
  })

  test('of a kind that is not known are passed over', () => {
    const { parser, seen } = record()
    parser.push(Buffer.concat([Buffer.from('8003000b00000003aabbcc', 'hex'), pingFrame(2)]))
    expect(seen).toEqual([
      { kind: 'ignored', type: 11 },
      { kind: 'ping', id: 2 },
    ])
  })
})
