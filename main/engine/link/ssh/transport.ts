import type { Readable, Writable } from 'node:stream'
import { KeyExchange } from './key-exchange'
import { message } from './messages'
import { PacketReader, PacketWriter } from './packets'
import { Reader, SshProtocolError, Writer } from './wire'

const VERSION = 'SSH-2.0-Berth'
/** Messages up to this number are the transport's own; others wait while keys are exchanged (RFC 4253, section 7.1). */
const LAST_OF_TRANSPORT = 49

/** What carries the bytes: the ends of a process, or of a socket. */
export interface Carrier {
  readonly input: Writable
  readonly output: Readable
  destroy(): void
}

export interface TransportHandlers {
  /** Keys are there: others may send. Called once. */
  ready(): void
  /** A message that is not the transport's own; a view, good for as long as the call. */
  message(payload: Buffer): void
  /** More can be sent. */
  drained(): void
  /** The last call. */
  ended(reason: Error): void
}

/** SSH's transport in the part of the client (RFC 4253), over a carrier that belongs to it. */
export class Transport {
  readonly #carrier: Carrier
  readonly #input: Writable
  readonly #handlers: TransportHandlers
  readonly #writer = new PacketWriter()
  readonly #reader: PacketReader
  #serverVersion = ''
  #exchange: KeyExchange | undefined
  #sessionId: Buffer | undefined
  #receiveKey: Parameters<PacketReader['setKey']>[0] | undefined
  #waiting: (readonly Buffer[])[] = []
  #ready = false
  #over = false

  constructor(carrier: Carrier, handlers: TransportHandlers) {
    const { input, output } = carrier
    this.#carrier = carrier
    this.#input = input
    this.#handlers = handlers
    this.#reader = new PacketReader(
      (version) => this.#begin(version),
      (payload) => this.#receive(payload),
    )
    output.on('data', (chunk: Buffer) => this.#take(chunk))
    input.on('drain', () => {
      if (!this.blocked) this.#handlers.drained()
    })
    for (const stream of [input, output]) stream.on('error', (error) => this.end(error))
    output.on('end', () => this.end(new Error('the other side has ended the connection')))
    output.on('close', () => this.end(new Error('the connection was closed')))
    input.write(`${VERSION}\r\n`)
  }

  /** What the other side says that it is, such as `SSH-2.0-BerthAgent_1`; empty before it has. */
  get serverVersion(): string {
    return this.#serverVersion
  }

  /** Whether more should not be sent now; {@link TransportHandlers.drained} tells when it should. */
  get blocked(): boolean {
    return this.#input.writableNeedDrain || (this.#exchange !== undefined && this.#ready)
  }

  /** Sends a message of several parts. */
  send(...parts: readonly Buffer[]): void {
    if (this.#over) return
    const type = (parts[0] as Buffer)[0] as number
    if (this.#exchange && type > LAST_OF_TRANSPORT) this.#waiting.push(parts)
    else this.#write(parts)
  }

  #write(parts: readonly Buffer[]): void {
    this.#input.cork()
    for (const piece of this.#writer.packet(parts)) this.#input.write(piece)
    this.#input.uncork()
  }

  /** Tells the other side, and ends. */
  close(): void {
    if (!this.#over && this.#serverVersion !== '') {
      const byApplication = 11
      this.#write([new Writer().byte(message.disconnect).uint32(byApplication).string('').string('').done()])
    }
    this.end(new Error('closed by this side'))
  }

  end(reason: Error): void {
    if (this.#over) return
    this.#over = true
    this.#waiting = []
    this.#carrier.destroy()
    this.#handlers.ended(reason)
  }

  #take(chunk: Buffer): void {
    if (this.#over) return
    try {
      this.#reader.push(chunk)
    } catch (error) {
      if (!(error instanceof SshProtocolError)) throw error
      this.end(error)
    }
  }

  #begin(version: string): void {
    this.#serverVersion = version
    this.#startExchange()
  }

  #startExchange(): KeyExchange {
    const exchange = new KeyExchange({ client: VERSION, server: this.#serverVersion })
    this.#exchange = exchange
    this.#write([exchange.init])
    return exchange
  }

  #receive(payload: Buffer): void {
    if (this.#over) return
    switch (payload[0]) {
      case message.kexInit:
        this.#write([(this.#exchange ?? this.#startExchange()).accept(payload)])
        return
      case message.kexEcdhReply:
        this.#exchanged(payload)
        return
      case message.newKeys:
        this.#newKeys()
        return
      case message.disconnect: {
        const reader = new Reader(payload, 1)
        const code = reader.uint32()
        this.end(new Error(`the other side has ended the connection: ${reader.text() || `code ${code}`}`))
        return
      }
      case message.ignore:
      case message.unimplemented:
      case message.debug:
      case message.extInfo:
        return
      default:
        if (!this.#ready) throw new SshProtocolError('a message before there are keys')
        this.#handlers.message(payload)
    }
  }

  #exchanged(reply: Buffer): void {
    const exchange = this.#exchange
    if (!exchange) throw new SshProtocolError('an answer to an exchange of keys that nobody began')
    const { receive, send } = exchange.finish(reply, this.#sessionId)
    this.#sessionId ??= exchange.hash
    this.#write([Buffer.from([message.newKeys])])
    this.#writer.setKey(send)
    this.#receiveKey = receive
  }

  #newKeys(): void {
    if (!this.#receiveKey) throw new SshProtocolError('new keys that were not agreed on')
    this.#reader.setKey(this.#receiveKey)
    this.#receiveKey = undefined
    this.#exchange = undefined
    for (const parts of this.#waiting.splice(0)) this.#write(parts)
    if (this.#ready) {
      if (!this.blocked) this.#handlers.drained()
      return
    }
    this.#ready = true
    this.#handlers.ready()
  }
}
