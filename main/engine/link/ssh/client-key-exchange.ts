import { verify } from 'node:crypto'
import {
  deriveKeys,
  ExchangePair,
  ed25519Key,
  hashOf,
  INIT_NAMES,
  initMessage,
  type KeyExchange,
  type Keys,
  OFFER,
} from './key-exchange'
import { message } from './messages'
import { Reader, SshProtocolError, Writer } from './wire'

/** An exchange of keys in the part of the client. */
export class ClientKeyExchange implements KeyExchange {
  readonly init = initMessage()
  readonly #versions: { readonly client: string; readonly server: string }
  readonly #pair = new ExchangePair()
  #serverInit: Buffer | undefined
  #hash: Buffer | undefined

  constructor(versions: { readonly client: string; readonly server: string }) {
    this.#versions = versions
  }

  get hash(): Buffer {
    if (!this.#hash) throw new SshProtocolError('keys before their exchange')
    return this.#hash
  }

  accept(init: Buffer): Buffer {
    if (this.#serverInit) throw new SshProtocolError('two beginnings of one exchange of keys')
    const reader = new Reader(init, INIT_NAMES)
    const { cipher, compression, hostKey, keyExchange, mac } = OFFER
    for (const wanted of [keyExchange, hostKey, cipher, cipher, mac, mac, compression, compression]) {
      if (!reader.names().includes(wanted))
        throw new SshProtocolError(`the other side does not know ${wanted}`)
    }
    // Good for as long as it is needed, unlike the packet that it came in.
    this.#serverInit = Buffer.from(init)
    return new Writer().byte(message.kexEcdhInit).string(this.#pair.publicKey).done()
  }

  /** Throws where the other side does not have the key that it shows. */
  finish(reply: Buffer, sessionId: Buffer | undefined): { readonly keys: Keys } {
    if (!this.#serverInit) throw new SshProtocolError('an answer before the question')
    const reader = new Reader(reply, 1)
    const hostKey = reader.string()
    const serverKey = reader.string()
    const signature = reader.string()
    const secret = this.#pair.secretWith(serverKey)
    const hash = hashOf({
      clientVersion: this.#versions.client,
      serverVersion: this.#versions.server,
      clientInit: this.init,
      serverInit: this.#serverInit,
      hostKey,
      clientKey: this.#pair.publicKey,
      serverKey,
      secret,
    })
    checkSignature(hostKey, signature, hash)
    this.#hash = hash
    const { fromClient, fromServer } = deriveKeys(secret, hash, sessionId ?? hash)
    return { keys: { send: fromClient, receive: fromServer } }
  }
}

/** RFC 8709, sections 4 and 6. */
function checkSignature(hostKey: Buffer, signature: Buffer, hash: Buffer): void {
  const key = new Reader(hostKey)
  const signed = new Reader(signature)
  if (key.text() !== OFFER.hostKey || signed.text() !== OFFER.hostKey)
    throw new SshProtocolError('a host key of another kind')
  if (!verify(null, hash, ed25519Key(key.string()), signed.string()))
    throw new SshProtocolError('the other side does not have the key that it shows')
}
