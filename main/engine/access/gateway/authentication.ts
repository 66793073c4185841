import { verify } from 'node:crypto'
import { ed25519Key, OFFER } from '../../link/ssh/key-exchange'
import { message } from '../../link/ssh/messages'
import { Reader, SshProtocolError, Writer } from '../../link/ssh/wire'

/** How often a client may try; OpenSSH's own server allows as many (sshd_config(5), MaxAuthTries). */
const ATTEMPTS = 6
const SERVICE = 'ssh-userauth'
const NEXT_SERVICE = 'ssh-connection'
const METHOD = 'publickey'

/** Who is let in. */
export interface Entrance {
  /** The one key that is accepted: its public half as SSH writes it (RFC 8709, section 4). */
  readonly clientKey: Buffer
  /** Whether somebody may come in under this name. */
  readonly admits: (user: string) => boolean
  /** What is said to somebody under another name. */
  readonly otherName: (user: string) => string
}

export type Verdict =
  | { readonly kind: 'more'; readonly send: readonly Buffer[] }
  | { readonly kind: 'in'; readonly send: readonly Buffer[] }
  /** No more attempts. */
  | { readonly kind: 'out' }

/** Finds out who a client is (RFC 4252): by one public key, and by nothing else. */
export class Authentication {
  readonly #entrance: Entrance
  readonly #sessionId: Buffer
  #isAsked = false
  #failures = 0

  constructor(entrance: Entrance, sessionId: Buffer) {
    this.#entrance = entrance
    this.#sessionId = sessionId
  }

  /** Takes a message of the client. Throws {@link SshProtocolError} where that has no place here. */
  take(payload: Buffer): Verdict {
    const reader = new Reader(payload, 1)
    const type = payload[0]
    if (type === message.serviceRequest && !this.#isAsked) {
      const service = reader.text()
      if (service !== SERVICE) throw new SshProtocolError('a service that is not here')
      this.#isAsked = true
      return { kind: 'more', send: [new Writer().byte(message.serviceAccept).string(SERVICE).done()] }
    }
    if (type === message.userauthRequest && this.#isAsked) return this.#requested(payload, reader)
    throw new SshProtocolError(`message ${type} from somebody who is not known yet`)
  }

  #requested(payload: Buffer, reader: Reader): Verdict {
    const user = reader.text()
    if (reader.text() !== NEXT_SERVICE) throw new SshProtocolError('a service that is not here')
    const method = reader.text()
    // Asks which methods there are: no attempt.
    if (method === 'none') return { kind: 'more', send: [failure()] }
    if (!this.#entrance.admits(user)) return this.#refuse(this.#entrance.otherName(user))
    if (method !== METHOD) return this.#refuse()
    const isSigned = reader.boolean()
    const algorithm = reader.string()
    const key = reader.string()
    const isOurs = algorithm.toString('latin1') === OFFER.hostKey && key.equals(this.#entrance.clientKey)
    if (!isOurs) return this.#refuse()
    if (!isSigned) {
      const accepted = new Writer().byte(message.userauthPublicKeyOk).string(algorithm).string(key).done()
      return { kind: 'more', send: [accepted] }
    }
    const signed = payload.subarray(0, payload.length - reader.rest().length)
    return this.#isSignature(reader.string(), signed)
      ? { kind: 'in', send: [Buffer.from([message.userauthSuccess])] }
      : this.#refuse()
  }

  /** RFC 4252, section 7; RFC 8709, section 6. */
  #isSignature(signature: Buffer, signed: Buffer): boolean {
    const reader = new Reader(signature)
    if (reader.text() !== OFFER.hostKey) return false
    const bytes = reader.string()
    const key = new Reader(this.#entrance.clientKey)
    key.string()
    const told = new Writer().string(this.#sessionId).raw(signed).done()
    return verify(null, told, ed25519Key(key.string()), bytes)
  }

  #refuse(words?: string): Verdict {
    this.#failures += 1
    if (this.#failures >= ATTEMPTS) return { kind: 'out' }
    const isFirst = this.#failures === 1
    return { kind: 'more', send: [...(words !== undefined && isFirst ? [banner(words)] : []), failure()] }
  }
}

function failure(): Buffer {
  return new Writer().byte(message.userauthFailure).names([METHOD]).boolean(false).done()
}

function banner(words: string): Buffer {
  return new Writer().byte(message.userauthBanner).string(`${words}\r\n`).string('').done()
}
