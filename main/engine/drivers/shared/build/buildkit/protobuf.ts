/**
 * What Berth needs of protobuf's wire format (protobuf.dev, "Encoding"): a dozen fields of a handful of messages, for
 * which a library with generated code would be larger than all of this. Unknown fields are skipped; what ends in the
 * middle of a field throws.
 */

/** A field as it stands in a message: an integer, or the bytes of a text, a list's element or another message. */
export interface Field {
  readonly number: number
  readonly value: number | Buffer
}

/** A field's number and how it is written. */
const LENGTH_DELIMITED = 2
/** Of a varint: 64 bits, seven in each byte. */
const MAXIMUM_VARINT = 10

/** The fields of a message in their order. Integers above 2^53 lose their lowest bits; fixed ones are skipped. */
export function* readFields(message: Buffer): Generator<Field> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let length = 0; length < MAXIMUM_VARINT; length++) {
      const byte = message[at++]
      if (byte === undefined) throw new Error('protobuf: a number has no end')
      value += (byte & 0x7f) * 2 ** (7 * length)
      if (byte < 0x80) return value
    }
    throw new Error('protobuf: a number is too long')
  }
  const skip = (length: number): number => {
    const start = at
    if (length > message.length - at) throw new Error('protobuf: a field is longer than its message')
    at += length
    return start
  }
  while (at < message.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        skip(8)
        break
      case LENGTH_DELIMITED: {
        const length = varint()
        const start = skip(length)
        yield { number, value: message.subarray(start, at) }
        break
      }
      case 5:
        skip(4)
        break
      default:
        throw new Error('protobuf: a field of a kind that is not used any more')
    }
  }
}

/** The text of a field; empty where it is none. */
export function textOf({ value }: Field): string {
  return typeof value === 'number' ? '' : value.toString('utf8')
}

/** The first field of this number, as text; empty where there is none, as protobuf has it. */
export function textField(message: Buffer, number: number): string {
  for (const field of readFields(message)) if (field.number === number) return textOf(field)
  return ''
}

/** The first field of this number, as bytes. */
export function bytesField(message: Buffer, number: number): Buffer {
  for (const field of readFields(message))
    if (field.number === number && typeof field.value !== 'number') return field.value
  return Buffer.alloc(0)
}

/** A message of texts, bytes and small integers, by their numbers. Of negative integers only -1 is written. */
export function writeMessage(fields: readonly (readonly [number, string | Buffer | number])[]): Buffer {
  const parts: Buffer[] = []
  for (const [number, value] of fields) {
    if (typeof value === 'number') {
      parts.push(writeVarint(number * 8), writeVarint(value))
      continue
    }
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    parts.push(writeVarint(number * 8 + LENGTH_DELIMITED), writeVarint(bytes.length), bytes)
  }
  return Buffer.concat(parts)
}

/** In the 64 bits of two's complement that negative ones have. */
const MINUS_ONE = Buffer.from([...Array<number>(9).fill(0xff), 1])

function writeVarint(value: number): Buffer {
  if (value === -1) return MINUS_ONE
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}
