import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
  verify,
} from 'node:crypto'
import { message } from './messages'
import type { CipherKey } from './packets'
import { Reader, SshProtocolError, Writer } from './wire'

/**
 * What Berth offers; its agent knows all of it. One of each: where the other side is known there is nothing to choose.
 * The cipher authenticates too, so that the name of the MAC means nothing (RFC 5647, section 5.1).
 */
const OFFER = {
  keyExchange: 'curve25519-sha256',
  hostKey: 'ssh-ed25519',
  cipher: 'aes128-gcm@openssh.com',
  mac: 'hmac-sha2-256',
  compression: 'none',
} as const

/** What stands before the 32 bytes of a public key in its SubjectPublicKeyInfo (RFC 8410, section 4). */
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const KEY_BYTES = 32

export interface Keys {
  readonly send: CipherKey
  readonly receive: CipherKey
}

/** One exchange of keys in the part of the client (RFC 4253 sections 7 and 8, RFC 8731). */
export class KeyExchange {
  /** The first message; the other side's may have come before. */
  readonly init: Buffer
  readonly #versions: { readonly client: string; readonly server: string }
  readonly #pair = generateKeyPairSync('x25519')
  #serverInit: Buffer | undefined
  #hash: Buffer | undefined

  constructor(versions: { readonly client: string; readonly server: string }) {
    this.#versions = versions
    const { cipher, compression, hostKey, keyExchange, mac } = OFFER
    this.init = new Writer()
      .byte(message.kexInit)
      .raw(randomBytes(16))
      .names([keyExchange])
      .names([hostKey])
      .names([cipher])
      .names([cipher])
      .names([mac])
      .names([mac])
      .names([compression])
      .names([compression])
      .names([])
      .names([])
      .boolean(false)
      .uint32(0)
      .done()
  }

  /** The hash of this exchange; of the first one it names the session (RFC 4253, section 7.2). */
  get hash(): Buffer {
    if (!this.#hash) throw new SshProtocolError('keys before their exchange')
    return this.#hash
  }

  /** Takes the other side's KEXINIT; what is to be sent then. */
  accept(init: Buffer): Buffer {
    if (this.#serverInit) throw new SshProtocolError('two beginnings of one exchange of keys')
    const reader = new Reader(init, 17)
    const { cipher, compression, hostKey, keyExchange, mac } = OFFER
    for (const wanted of [keyExchange, hostKey, cipher, cipher, mac, mac, compression, compression]) {
      if (!reader.names().includes(wanted))
        throw new SshProtocolError(`the other side does not know ${wanted}`)
    }
    // Good for as long as it is needed, unlike the packet that it came in.
    this.#serverInit = Buffer.from(init)
    return new Writer().byte(message.kexEcdhInit).string(this.#publicKey).done()
  }

  get #publicKey(): Buffer {
    return this.#pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-KEY_BYTES)
  }

  /** Takes the other side's answer. Throws where it does not have the key that it shows. */
  finish(reply: Buffer, sessionId: Buffer | undefined): Keys {
    if (!this.#serverInit) throw new SshProtocolError('an answer before the question')
    const reader = new Reader(reply, 1)
    const hostKey = reader.string()
    const serverKey = reader.string()
    const signature = reader.string()
    if (serverKey.length !== KEY_BYTES) throw new SshProtocolError('a key of another length')
    const publicKey = createPublicKey({
      key: Buffer.concat([X25519_PREFIX, serverKey]),
      format: 'der',
      type: 'spki',
    })
    const secret = new Writer().mpint(diffieHellman({ privateKey: this.#pair.privateKey, publicKey })).done()
    const hash = createHash('sha256')
      .update(
        new Writer()
          .string(this.#versions.client)
          .string(this.#versions.server)
          .string(this.init)
          .string(this.#serverInit)
          .string(hostKey)
          .string(this.#publicKey)
          .string(serverKey)
          .raw(secret)
          .done(),
      )
      .digest()
    checkSignature(hostKey, signature, hash)
    this.#hash = hash
    const session = sessionId ?? hash
    const derive = (letter: string, length: number) =>
      createHash('sha256')
        .update(secret)
        .update(hash)
        .update(letter, 'latin1')
        .update(session)
        .digest()
        .subarray(0, length)
    return {
      send: { nonce: derive('A', 12), key: derive('C', 16) },
      receive: { nonce: derive('B', 12), key: derive('D', 16) },
    }
  }
}

/** RFC 8709, sections 4 and 6. */
function checkSignature(hostKey: Buffer, signature: Buffer, hash: Buffer): void {
  const key = new Reader(hostKey)
  const signed = new Reader(signature)
  if (key.text() !== OFFER.hostKey || signed.text() !== OFFER.hostKey)
    throw new SshProtocolError('a host key of another kind')
  const publicKey = createPublicKey({
    key: Buffer.concat([ED25519_PREFIX, key.string()]),
    format: 'der',
    type: 'spki',
  })
  if (!verify(null, hash, publicKey, signed.string()))
    throw new SshProtocolError('the other side does not have the key that it shows')
}
