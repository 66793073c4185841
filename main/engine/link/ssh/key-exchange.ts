import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { message } from './messages'
import type { CipherKey } from './packets'
import { Reader, SshProtocolError, Writer } from './wire'

/**
 * What Berth offers, in either part; its agent and OpenSSH know all of it. One of each: where the other side is known
 * there is nothing to choose. The cipher authenticates too, so that the name of the MAC means nothing (RFC 5647,
 * section 5.1).
 */
export const OFFER = {
  keyExchange: 'curve25519-sha256',
  hostKey: 'ssh-ed25519',
  cipher: 'aes128-gcm@openssh.com',
  mac: 'hmac-sha2-256',
  compression: 'none',
} as const

/** What stands before the 32 bytes of a public key in its SubjectPublicKeyInfo (RFC 8410, section 4). */
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
/** Of a public key of either curve. */
export const KEY_BYTES = 32
/** Where the lists of names begin in KEXINIT: behind its number and its cookie (RFC 4253, section 7.1). */
const INIT_NAMES = 17

export interface Keys {
  readonly send: CipherKey
  readonly receive: CipherKey
}

/** One exchange of keys, in the part of the client or of the server (RFC 4253 sections 7 and 8, RFC 8731). */
export interface KeyExchange {
  /** The first message; the other side's may have come before. */
  readonly init: Buffer
  /** The hash of this exchange; of the first one it names the session (RFC 4253, section 7.2). */
  readonly hash: Buffer
  /** Takes the other side's KEXINIT; what is to be sent then, if anything. */
  accept(init: Buffer): Buffer | undefined
  /**
   * Takes the other side's half: the keys, and what is to be sent before them, if anything. Undefined where it was
   * only guessed, and another one follows.
   */
  finish(
    half: Buffer,
    sessionId: Buffer | undefined,
  ): { readonly keys: Keys; readonly answer?: Buffer } | undefined
}

/** KEXINIT; `markers` are no algorithms, but say what else this side knows. */
export function initMessage(markers: readonly string[] = []): Buffer {
  const { cipher, compression, hostKey, keyExchange, mac } = OFFER
  return new Writer()
    .byte(message.kexInit)
    .raw(randomBytes(16))
    .names([keyExchange, ...markers])
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

/** A pair of keys for one exchange. */
class ExchangePair {
  readonly #pair = generateKeyPairSync('x25519')

  get publicKey(): Buffer {
    return this.#pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-KEY_BYTES)
  }

  /** The secret that both sides have, as the hash and the keys take it (RFC 8731, section 3.1). */
  secretWith(theirs: Buffer): Buffer {
    if (theirs.length !== KEY_BYTES) throw new SshProtocolError('a key of another length')
    const publicKey = createPublicKey({
      key: Buffer.concat([X25519_PREFIX, theirs]),
      format: 'der',
      type: 'spki',
    })
    try {
      return new Writer().mpint(diffieHellman({ privateKey: this.#pair.privateKey, publicKey })).done()
    } catch {
      // One of the few points whose product is always zero (RFC 7748, section 6.1).
      throw new SshProtocolError('a key that gives no secret')
    }
  }
}

/** How both sides call themselves (RFC 4253, section 4.2). */
export interface Versions {
  readonly client: string
  readonly server: string
}

/** What either part of an exchange keeps of it, and how it ends. */
export class ExchangeState {
  readonly pair = new ExchangePair()
  readonly #versions: Versions
  #theirInit: Buffer | undefined
  #hash: Buffer | undefined

  constructor(versions: Versions) {
    this.#versions = versions
  }

  get hash(): Buffer {
    if (!this.#hash) throw new SshProtocolError('keys before their exchange')
    return this.#hash
  }

  /** Where the other side's lists of names begin. It is taken once, with {@link began} at the end. */
  begin(init: Buffer): Reader {
    if (this.#theirInit) throw new SshProtocolError('two beginnings of one exchange of keys')
    return new Reader(init, INIT_NAMES)
  }

  began(init: Buffer): void {
    // Good for as long as it is needed, unlike the packet that it came in.
    this.#theirInit = Buffer.from(init)
  }

  /** The other side's KEXINIT, which has to have come. */
  get theirInit(): Buffer {
    if (!this.#theirInit) throw new SshProtocolError('half an exchange of keys before its beginning')
    return this.#theirInit
  }

  /** The hash of what both sides said; it is this exchange's once {@link settle} has it. */
  hashOf(said: Omit<Exchanged, 'clientVersion' | 'serverVersion'>): Buffer {
    return hashOf({ clientVersion: this.#versions.client, serverVersion: this.#versions.server, ...said })
  }

  /** The keys of both ways. */
  settle(secret: Buffer, hash: Buffer, sessionId: Buffer | undefined): ReturnType<typeof deriveKeys> {
    this.#hash = hash
    return deriveKeys(secret, hash, sessionId ?? hash)
  }
}

interface Exchanged {
  readonly clientVersion: string
  readonly serverVersion: string
  readonly clientInit: Buffer
  readonly serverInit: Buffer
  readonly hostKey: Buffer
  readonly clientKey: Buffer
  readonly serverKey: Buffer
  readonly secret: Buffer
}

/** RFC 8731, section 3. */
function hashOf(exchanged: Exchanged): Buffer {
  const told = new Writer()
    .string(exchanged.clientVersion)
    .string(exchanged.serverVersion)
    .string(exchanged.clientInit)
    .string(exchanged.serverInit)
    .string(exchanged.hostKey)
    .string(exchanged.clientKey)
    .string(exchanged.serverKey)
    .raw(exchanged.secret)
    .done()
  return createHash('sha256').update(told).digest()
}

/** Keys from the client to the server, and back (RFC 4253, section 7.2). */
function deriveKeys(
  secret: Buffer,
  hash: Buffer,
  sessionId: Buffer,
): { readonly fromClient: CipherKey; readonly fromServer: CipherKey } {
  const derive = (letter: string, length: number) =>
    createHash('sha256')
      .update(secret)
      .update(hash)
      .update(letter, 'latin1')
      .update(sessionId)
      .digest()
      .subarray(0, length)
  return {
    fromClient: { nonce: derive('A', 12), key: derive('C', 16) },
    fromServer: { nonce: derive('B', 12), key: derive('D', 16) },
  }
}

/** Of 32 bytes (RFC 8709, section 4). Throws {@link SshProtocolError}. */
export function ed25519Key(bytes: Buffer): KeyObject {
  if (bytes.length !== KEY_BYTES) throw new SshProtocolError('a key of another length')
  return createPublicKey({ key: Buffer.concat([ED25519_PREFIX, bytes]), format: 'der', type: 'spki' })
}
