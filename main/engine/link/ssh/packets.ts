import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { SshProtocolError } from './wire'

/** Longest packet that is taken, in bytes (RFC 4253, section 6.1: at least 35000 have to be). */
const LONGEST = 256 * 1024
const LENGTH = 4
const TAG = 16
/** Blocks of the cipher, and before there is one (RFC 4253, section 6). */
const BLOCK = { ciphered: 16, plain: 8 }
const LONGEST_VERSION = 8 * 1024

/** What is taken of the other side, in bytes. */
export interface PacketLimits {
  /** Of its version, with all that may stand before that. */
  readonly version: number
  /** Whether other lines may stand before its version, as before a server's (RFC 4253, section 4.2). */
  readonly isAnnounced: boolean
  /** Of a packet. */
  readonly packet: number
}

/** Those for a server that is known. */
export const serverLimits: PacketLimits = { version: LONGEST_VERSION, isAnnounced: true, packet: LONGEST }

/** A key and the first nonce of one direction of aes128-gcm@openssh.com (RFC 5647, section 7.1). */
export interface CipherKey {
  readonly key: Buffer
  readonly nonce: Buffer
}

class GcmState {
  readonly key: Buffer
  /** The invocation counter is its last eight bytes. */
  readonly nonce: Buffer

  constructor({ key, nonce }: CipherKey) {
    this.key = key
    this.nonce = Buffer.from(nonce)
  }

  next(): void {
    for (let at = this.nonce.length - 1; at >= 4; at--) {
      const value = ((this.nonce[at] as number) + 1) & 0xff
      this.nonce[at] = value
      if (value !== 0) return
    }
  }
}

/** Makes packets of messages (RFC 4253, section 6). */
export class PacketWriter {
  #cipher: GcmState | undefined

  /** What is sent from now on is ciphered. */
  setKey(key: CipherKey): void {
    this.#cipher = new GcmState(key)
  }

  /** `parts` make one message; they are not kept. */
  packet(parts: readonly Buffer[]): Buffer[] {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const block = this.#cipher ? BLOCK.ciphered : BLOCK.plain
    // The length itself is outside of what is aligned where it is not ciphered.
    const aligned = (this.#cipher ? 1 : LENGTH + 1) + length
    let padding = block - (aligned % block)
    if (padding < 4) padding += block
    const head = Buffer.allocUnsafe(LENGTH + 1)
    head.writeUInt32BE(1 + length + padding)
    head[LENGTH] = padding
    const tail = randomFillSync(Buffer.allocUnsafe(padding))
    const cipher = this.#cipher
    if (!cipher) return [head, ...parts, tail]
    const gcm = createCipheriv('aes-128-gcm', cipher.key, cipher.nonce)
    cipher.next()
    gcm.setAAD(head.subarray(0, LENGTH))
    const out = [head.subarray(0, LENGTH), gcm.update(head.subarray(LENGTH))]
    for (const part of parts) out.push(gcm.update(part))
    out.push(gcm.update(tail))
    gcm.final()
    out.push(gcm.getAuthTag())
    return out
  }
}

/** Takes the other side's bytes apart: first its version, then packets. Throws {@link SshProtocolError}. */
export class PacketReader {
  readonly #onVersion: (version: string) => void
  readonly #onMessage: (message: Buffer) => void
  #version: string | undefined
  #cipher: GcmState | undefined
  #pieces: Buffer[] = []
  #held = 0
  #wanted = 0
  readonly #limits: PacketLimits
  #longest: number

  constructor(
    onVersion: (version: string) => void,
    onMessage: (message: Buffer) => void,
    limits: PacketLimits = serverLimits,
  ) {
    this.#onVersion = onVersion
    this.#onMessage = onMessage
    this.#limits = limits
    this.#longest = limits.packet
  }

  /** The other side is known now: it may send packets as long as any. */
  trust(): void {
    this.#longest = LONGEST
  }

  /** What comes from now on is ciphered; to be called within `onMessage`. */
  setKey(key: CipherKey): void {
    this.#cipher = new GcmState(key)
  }

  push(chunk: Buffer): void {
    this.#pieces.push(chunk)
    this.#held += chunk.length
    while (this.#version === undefined) if (!this.#readVersion()) return
    for (;;) {
      if (this.#wanted === 0) {
        if (this.#held < LENGTH) return
        const length = this.#peek(LENGTH).readUInt32BE(0)
        const block = this.#cipher ? BLOCK.ciphered : BLOCK.plain
        const aligned = this.#cipher ? length : length + LENGTH
        if (length < 5 || length > this.#longest || aligned % block !== 0)
          throw new SshProtocolError(`a packet of ${length} bytes`)
        this.#wanted = LENGTH + length + (this.#cipher ? TAG : 0)
      }
      if (this.#held < this.#wanted) return
      const packet = this.#take(this.#wanted)
      this.#wanted = 0
      this.#onMessage(this.#open(packet))
    }
  }

  #open(packet: Buffer): Buffer {
    const cipher = this.#cipher
    let body = packet.subarray(LENGTH)
    if (cipher) {
      const end = packet.length - TAG
      const gcm = createDecipheriv('aes-128-gcm', cipher.key, cipher.nonce)
      cipher.next()
      gcm.setAAD(packet.subarray(0, LENGTH))
      gcm.setAuthTag(packet.subarray(end))
      body = gcm.update(packet.subarray(LENGTH, end))
      try {
        gcm.final()
      } catch {
        throw new SshProtocolError('a packet that was changed on its way')
      }
    }
    const padding = body[0] as number
    if (padding < 4 || padding + 2 > body.length) throw new SshProtocolError('a packet with wrong padding')
    return body.subarray(1, body.length - padding)
  }

  #readVersion(): boolean {
    const { isAnnounced, version: longest } = this.#limits
    const held = this.#peek(Math.min(this.#held, longest))
    const end = held.indexOf(10)
    if (end < 0) {
      if (this.#held >= longest) throw new SshProtocolError('no version, but something else')
      return false
    }
    const line = this.#take(end + 1)
      .toString('latin1')
      .replace(/\r?\n$/, '')
    if (isAnnounced && !line.startsWith('SSH-')) return this.#held > 0
    if (!/^SSH-(?:2\.0|1\.99)-/.test(line)) throw new SshProtocolError(`another SSH: ${line.slice(0, 80)}`)
    this.#version = line
    this.#onVersion(line)
    return true
  }

  #peek(length: number): Buffer {
    const first = this.#pieces[0] as Buffer
    if (first.length >= length) return first.subarray(0, length)
    const all = Buffer.concat(this.#pieces)
    this.#pieces = [all]
    return all.subarray(0, length)
  }

  #take(length: number): Buffer {
    const taken = this.#gather(length)
    this.#held -= length
    return taken
  }

  #gather(length: number): Buffer {
    const first = this.#pieces[0] as Buffer
    if (first.length === length) {
      this.#pieces.shift()
      return first
    }
    if (first.length > length) {
      this.#pieces[0] = first.subarray(length)
      return first.subarray(0, length)
    }
    const parts: Buffer[] = []
    let left = length
    while (left > 0) {
      const piece = this.#pieces[0] as Buffer
      if (piece.length <= left) {
        parts.push(piece)
        left -= piece.length
        this.#pieces.shift()
      } else {
        parts.push(piece.subarray(0, left))
        this.#pieces[0] = piece.subarray(left)
        left = 0
      }
    }
    return Buffer.concat(parts, length)
  }
}
