import { describe, expect, it } from 'vitest'
import { bytesField, readFields, textField, writeMessage } from './protobuf'

describe('protobuf', () => {
  it('reads what it writes, and what protoc would', () => {
    const message = writeMessage([
      [1, 'host'],
      [2, Buffer.from([0, 255])],
      [3, 300],
      [16, 2 ** 40],
    ])
    expect([...readFields(message)].map(({ number, value }) => [number, value])).toEqual([
      [1, Buffer.from('host')],
      [2, Buffer.from([0, 255])],
      [3, 300],
      [16, 2 ** 40],
    ])
    // The example of protobuf.dev: field 1 is 150, field 2 is "testing".
    const example = Buffer.from('089601120774657374696e67', 'hex')
    expect([...readFields(example)].map(({ value }) => String(value))).toEqual(['150', 'testing'])
    expect(textField(example, 2)).toBe('testing')
    expect(textField(example, 9)).toBe('')
    expect(bytesField(example, 1)).toEqual(Buffer.alloc(0))
  })

  it('skips numbers of fixed length, and fields that it does not know', () => {
    const message = Buffer.concat([
      Buffer.from([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4]),
      writeMessage([[7, 'kept']]),
    ])
    expect(textField(message, 7)).toBe('kept')
  })

  it.each([
    ['a number without an end', '08ff'],
    ['a number that is too long', `08${'ff'.repeat(11)}`],
    ['a text that is longer than the message', '0aff01'],
    ['a length of many gigabytes', '0affffffffffffffff7f'],
    ['a group', '0b'],
    ['half a fixed number', '0901'],
  ])('refuses %s', (_, hex) => {
    expect(() => [...readFields(Buffer.from(hex, 'hex'))]).toThrow('protobuf')
  })

  it('ends with any bytes whatever', () => {
    let seed = 7
    const next = () => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed
    }
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(Array.from({ length: next() % 40 }, () => next() % 256))
      try {
        expect([...readFields(bytes)].length).toBeLessThanOrEqual(bytes.length)
      } catch (error) {
        expect(String(error)).toContain('protobuf')
      }
    }
  })
})
