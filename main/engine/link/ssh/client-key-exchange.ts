import { verify } from 'node:crypto'
import {
  ExchangeState,
  ed25519Key,
  initMessage,
  type KeyExchange,
  type Keys,
  OFFER,
  type Versions,
} from './key-exchange'
import { message } from './messages'
import { Reader, SshProtocolError, Writer } from './wire'

/** An exchange of keys in the part of the client. */
export class ClientKeyExchange implements KeyExchange {
  readonly init = initMessage()
  readonly #state: ExchangeState

  constructor(versions: Versions) {
    this.#state = new ExchangeState(versions)
  }

  get hash(): Buffer {
    return this.#state.hash
  }

  accept(init: Buffer): Buffer {
    const reader = this.#state.begin(init)
    const { cipher, compression, hostKey, keyExchange, mac } = OFFER
    for (const wanted of [keyExchange, hostKey, cipher, cipher, mac, mac, compression, compression]) {
      if (!reader.names().includes(wanted))
        throw new SshProtocolError(`the other side does not know ${wanted}`)
    }
    this.#state.began(init)
    return new Writer().byte(message.kexEcdhInit).string(this.#state.pair.publicKey).done()
  }

  /** Throws where the other side does not have the key that it shows. */
  finish(reply: Buffer, sessionId: Buffer | undefined): { readonly keys: Keys } {
    const { pair, theirInit } = this.#state
    const reader = new Reader(reply, 1)
    const hostKey = reader.string()
    const serverKey = reader.string()
    const signature = reader.string()
    const secret = pair.secretWith(serverKey)
    const hash = this.#state.hashOf({
      clientInit: this.init,
      serverInit: theirInit,
      hostKey,
      clientKey: pair.publicKey,
      serverKey,
      secret,
    })
    checkSignature(hostKey, signature, hash)
    const { fromClient, fromServer } = this.#state.settle(secret, hash, sessionId)
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
