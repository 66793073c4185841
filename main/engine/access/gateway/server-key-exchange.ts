import { sign } from 'node:crypto'
import {
  deriveKeys,
  ExchangePair,
  hashOf,
  INIT_NAMES,
  initMessage,
  type KeyExchange,
  type Keys,
  OFFER,
} from '../../link/ssh/key-exchange'
import { message } from '../../link/ssh/messages'
import { Reader, SshProtocolError, Writer } from '../../link/ssh/wire'
import type { KeyPair } from '../keys/key-pair'

/** That this side keeps to OpenSSH's strict exchange of keys (PROTOCOL, section 1.10), as it does in any case. */
const STRICT = 'kex-strict-s-v00@openssh.com'

/** An exchange of keys in the part of the server. */
export class ServerKeyExchange implements KeyExchange {
  readonly init = initMessage([STRICT])
  readonly #versions: { readonly client: string; readonly server: string }
  readonly #hostKey: KeyPair
  readonly #pair = new ExchangePair()
  #clientInit: Buffer | undefined
  #hash: Buffer | undefined
  #isGuessWrong = false

  constructor(versions: { readonly client: string; readonly server: string }, hostKey: KeyPair) {
    this.#versions = versions
    this.#hostKey = hostKey
  }

  get hash(): Buffer {
    if (!this.#hash) throw new SshProtocolError('keys before their exchange')
    return this.#hash
  }

  accept(init: Buffer): undefined {
    if (this.#clientInit) throw new SshProtocolError('two beginnings of one exchange of keys')
    const reader = new Reader(init, INIT_NAMES)
    const names = () => reader.names()
    const [keyExchanges, hostKeys] = [names(), names()]
    const ciphers = [names(), names()]
    // The names of two MACs, which nothing is made of.
    names()
    names()
    const compressions = [names(), names()]
    names()
    names()
    const isGuessed = reader.boolean()
    const { cipher, compression, hostKey, keyExchange } = OFFER
    const offered: readonly (readonly [string, readonly string[]])[] = [
      [keyExchange, keyExchanges],
      [hostKey, hostKeys],
      ...ciphers.map((list) => [cipher, list] as const),
      ...compressions.map((list) => [compression, list] as const),
    ]
    for (const [wanted, list] of offered)
      if (!list.includes(wanted)) throw new SshProtocolError(`the client does not know ${wanted}`)
    // RFC 4253, section 7.1.
    this.#isGuessWrong = isGuessed && (keyExchanges[0] !== keyExchange || hostKeys[0] !== hostKey)
    // Good for as long as it is needed, unlike the packet that it came in.
    this.#clientInit = Buffer.from(init)
  }

  finish(
    half: Buffer,
    sessionId: Buffer | undefined,
  ): { readonly keys: Keys; readonly answer: Buffer } | undefined {
    if (!this.#clientInit) throw new SshProtocolError('half an exchange of keys before its beginning')
    if (this.#isGuessWrong) {
      this.#isGuessWrong = false
      return undefined
    }
    const clientKey = new Reader(half, 1).string()
    const secret = this.#pair.secretWith(clientKey)
    const { privateKey, publicBlob } = this.#hostKey
    const hash = hashOf({
      clientVersion: this.#versions.client,
      serverVersion: this.#versions.server,
      clientInit: this.#clientInit,
      serverInit: this.init,
      hostKey: publicBlob,
      clientKey,
      serverKey: this.#pair.publicKey,
      secret,
    })
    this.#hash = hash
    const signature = new Writer()
      .string(OFFER.hostKey)
      .string(sign(null, hash, privateKey))
      .done()
    const answer = new Writer()
      .byte(message.kexEcdhReply)
      .string(publicBlob)
      .string(this.#pair.publicKey)
      .string(signature)
      .done()
    const { fromClient, fromServer } = deriveKeys(secret, hash, sessionId ?? hash)
    return { keys: { send: fromServer, receive: fromClient }, answer }
  }
}
