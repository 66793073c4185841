/** What is sent is not SSH, or breaks its rules. */
export class SshProtocolError extends Error {}

/** Data types of SSH (RFC 4251, section 5), one after another. */
export class Writer {
  readonly #parts: Buffer[] = []

  byte(value: number): this {
    this.#parts.push(Buffer.from([value]))
    return this
  }

  boolean(value: boolean): this {
    return this.byte(value ? 1 : 0)
  }

  uint32(value: number): this {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeUInt32BE(value)
    this.#parts.push(bytes)
    return this
  }

  string(value: string | Buffer): this {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
    this.uint32(bytes.length)
    this.#parts.push(bytes)
    return this
  }

  /** A number that is not negative, given as its bytes, the greatest first. */
  mpint(value: Buffer): this {
    let start = 0
    while (start < value.length && value[start] === 0) start += 1
    const bytes = value.subarray(start)
    const isNegative = ((bytes[0] ?? 0) & 0x80) !== 0
    return this.string(isNegative ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
  }

  names(values: readonly string[]): this {
    return this.string(values.join(','))
  }

  raw(bytes: Buffer): this {
    this.#parts.push(bytes)
    return this
  }

  done(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** Reads what {@link Writer} writes. Every method throws {@link SshProtocolError} where there is not enough. */
export class Reader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  #take(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) throw new SshProtocolError('a message that is cut off')
    this.#at = at + length
    return at
  }

  byte(): number {
    return this.#bytes[this.#take(1)] as number
  }

  boolean(): boolean {
    return this.byte() !== 0
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  /** A view, good for as long as the message. */
  string(): Buffer {
    const length = this.uint32()
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  text(): string {
    return this.string().toString('utf8')
  }

  names(): string[] {
    const text = this.text()
    return text === '' ? [] : text.split(',')
  }

  raw(length: number): Buffer {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** All that is left. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#at)
  }
}
