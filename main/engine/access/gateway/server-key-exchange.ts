import { sign } from 'node:crypto'
import {
  ExchangeState,
  initMessage,
  type KeyExchange,
  type Keys,
  OFFER,
  type Versions,
} from '../../link/ssh/key-exchange'
import { message } from '../../link/ssh/messages'
import { Reader, SshProtocolError, Writer } from '../../link/ssh/wire'
import type { KeyPair } from '../keys/key-pair'

/** That this side keeps to OpenSSH's strict exchange of keys (PROTOCOL, section 1.10), as it does in any case. */
const STRICT = 'kex-strict-s-v00@openssh.com'

/** An exchange of keys in the part of the server. */
export class ServerKeyExchange implements KeyExchange {
  readonly init = initMessage([STRICT])
  readonly #state: ExchangeState
  readonly #hostKey: KeyPair
  #isGuessWrong = false

  constructor(versions: Versions, hostKey: KeyPair) {
    this.#state = new ExchangeState(versions)
    this.#hostKey = hostKey
  }

  get hash(): Buffer {
    return this.#state.hash
  }

  accept(init: Buffer): undefined {
    const reader = this.#state.begin(init)
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
    this.#state.began(init)
  }

  finish(
    half: Buffer,
    sessionId: Buffer | undefined,
  ): { readonly keys: Keys; readonly answer: Buffer } | undefined {
    const { pair, theirInit } = this.#state
    if (this.#isGuessWrong) {
      this.#isGuessWrong = false
      return undefined
    }
    const clientKey = new Reader(half, 1).string()
    const secret = pair.secretWith(clientKey)
    const { privateKey, publicBlob } = this.#hostKey
    const hash = this.#state.hashOf({
      clientInit: theirInit,
      serverInit: this.init,
      hostKey: publicBlob,
      clientKey,
      serverKey: pair.publicKey,
      secret,
    })
    const { fromClient, fromServer } = this.#state.settle(secret, hash, sessionId)
    const signature = new Writer()
      .string(OFFER.hostKey)
      .string(sign(null, hash, privateKey))
      .done()
    const answer = new Writer()
      .byte(message.kexEcdhReply)
      .string(publicBlob)
      .string(pair.publicKey)
      .string(signature)
      .done()
    return { keys: { send: fromServer, receive: fromClient }, answer }
  }
}
