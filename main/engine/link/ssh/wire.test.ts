import { describe, expect, it } from 'vitest'
import { PacketReader, PacketWriter } from './packets'
import { Reader, SshProtocolError, Writer } from './wire'

describe('data types of SSH', () => {
  it('are read as they were written', () => {
    const bytes = new Writer()
      .byte(7)
      .boolean(true)
      .uint32(0xffff_fffe)
      .string('grüße')
      .names(['one', 'two'])
      .names([])
      .raw(Buffer.from('rest'))
      .done()
    const reader = new Reader(bytes)
    expect([reader.byte(), reader.boolean(), reader.uint32(), reader.text()]).toEqual([
      7,
      true,
      0xffff_fffe,
      'grüße',
    ])
    expect([reader.names(), reader.names(), reader.rest().toString()]).toEqual([['one', 'two'], [], 'rest'])
  })

  it.each([
    ['0', '00000000'],
    ['9a378f9b2e332a7', '0000000809a378f9b2e332a7'],
    ['80', '000000020080'],
  ])('write the number %s as RFC 4251 has it', (number, written) => {
    const value = Buffer.from(number.padStart(16, '0'), 'hex')
    expect(new Writer().mpint(value).done().toString('hex')).toBe(written)
  })

  it('that are cut off break the protocol', () => {
    const whole = new Writer().string('text').uint32(1).done()
    for (let length = 0; length < whole.length; length++) {
      const reader = new Reader(whole.subarray(0, length))
      expect(() => [reader.string(), reader.uint32()]).toThrow(SshProtocolError)
    }
  })
})

describe('packets', () => {
  const key = { key: Buffer.alloc(16, 1), nonce: Buffer.concat([Buffer.alloc(4, 2), Buffer.alloc(8, 0xff)]) }
  const messages = [1, 2, 15, 16, 17, 32 * 1024].map((length) => Buffer.alloc(length, length))

  function pair(isCiphered: boolean) {
    const writer = new PacketWriter()
    const received: Buffer[] = []
    const versions: string[] = []
    const reader = new PacketReader(
      (version) => {
        versions.push(version)
        if (isCiphered) reader.setKey(key)
      },
      (message) => received.push(Buffer.from(message)),
    )
    if (isCiphered) writer.setKey(key)
    const bytes = Buffer.concat([
      Buffer.from('a word before\r\nSSH-2.0-Other_1 words\r\n'),
      ...messages.flatMap((message) => writer.packet([message.subarray(0, 1), message.subarray(1)])),
    ])
    return { bytes, reader, received, versions }
  }

  it.each([
    ['plain', false],
    ['ciphered', true],
  ])('%s ones come out as they went in, in whatever pieces', (_, isCiphered) => {
    for (const size of [1, 7, 1_000, 1_000_000]) {
      const { bytes, reader, received, versions } = pair(isCiphered)
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
      expect(versions).toEqual(['SSH-2.0-Other_1 words'])
      expect(received.map((message) => message.length)).toEqual(messages.map((message) => message.length))
      expect(Buffer.concat(received).equals(Buffer.concat(messages))).toBe(true)
    }
  })

  it('that were changed on their way are noticed', () => {
    const { bytes, reader } = pair(true)
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1
    expect(() => reader.push(bytes)).toThrow(SshProtocolError)
  })

  it('of any other bytes break the protocol, and do no more', () => {
    for (const junk of [
      Buffer.alloc(20_000, 65),
      Buffer.from('SSH-1.5-old\n'),
      Buffer.from('SSH-2.0-x\n\xff\xff\xff\xff'.repeat(9), 'latin1'),
    ]) {
      const reader = new PacketReader(
        () => undefined,
        () => undefined,
      )
      expect(() => reader.push(junk)).toThrow(SshProtocolError)
    }
  })
})
