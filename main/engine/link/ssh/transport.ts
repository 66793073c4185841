import type { Readable, Writable } from 'node:stream'
import { ClientKeyExchange } from './client-key-exchange'
import type { KeyExchange } from './key-exchange'
import { disconnect, message } from './messages'
import { type PacketLimits, PacketReader, PacketWriter, serverLimits } from './packets'
import { Reader, SshProtocolError, Writer } from './wire'

/** What Berth says that it is. */
export const VERSION = 'SSH-2.0-Berth'
/** Messages up to this number are the transport's own; others wait while keys are exchanged (RFC 4253, section 7.1). */
const LAST_OF_TRANSPORT = 49

/** What may come during an exchange of keys, in either part. */
const ofExchange: readonly number[] = [
  message.disconnect,
  message.kexInit,
  message.newKeys,
  message.kexEcdhInit,
  message.kexEcdhReply,
]

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

/** Which part a transport has. */
export interface TransportPart {
  /** Begins an exchange of keys with a side of this version. */
  beginExchange(theirs: string): KeyExchange
  /** The number of the message with the other side's half of an exchange. */
  readonly theirHalf: number
  /** Nothing but the messages of an exchange may come during it (OpenSSH, PROTOCOL, section 1.10, always taken so). */
  readonly isStrict: boolean
  readonly limits: PacketLimits
}

/** The client's, towards a server that is known. */
export const clientPart: TransportPart = {
  beginExchange: (server) => new ClientKeyExchange({ client: VERSION, server }),
  theirHalf: message.kexEcdhReply,
  isStrict: false,
  limits: serverLimits,
}

/** SSH's transport (RFC 4253), over a carrier that belongs to it. */
export class Transport {
  readonly #carrier: Carrier
  readonly #part: TransportPart
  readonly #input: Writable
  readonly #output: Readable
  readonly #handlers: TransportHandlers
  readonly #writer = new PacketWriter()
  readonly #reader: PacketReader
  #theirVersion = ''
  #exchange: KeyExchange | undefined
  #sessionId: Buffer | undefined
  #receiveKey: Parameters<PacketReader['setKey']>[0] | undefined
  #waiting: (readonly Buffer[])[] = []
  #isPaused = false
  #ready = false
  #over = false

  constructor(carrier: Carrier, handlers: TransportHandlers, part: TransportPart = clientPart) {
    const { input, output } = carrier
    this.#carrier = carrier
    this.#part = part
    this.#input = input
    this.#output = output
    this.#handlers = handlers
    this.#reader = new PacketReader(
      (version) => this.#begin(version),
      (payload) => this.#receive(payload),
      part.limits,
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
  get theirVersion(): string {
    return this.#theirVersion
  }

  /** Names this connection (RFC 4253, section 7.2). */
  get sessionId(): Buffer {
    if (!this.#sessionId) throw new SshProtocolError('a session before there are keys')
    return this.#sessionId
  }

  /**
   * Reads no more for now; the messages of what was read already still come. An exchange of keys goes on: nothing else
   * comes during it, and without its end nothing can be sent.
   */
  pause(): void {
    this.#isPaused = true
    if (!this.#over && !this.#exchange) this.#output.pause()
  }

  resume(): void {
    this.#isPaused = false
    if (!this.#over) this.#output.resume()
  }

  /** The other side is known now: see {@link PacketReader.trust}. */
  trust(): void {
    this.#reader.trust()
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

  /** Tells the other side why, by one of {@link disconnect} and in words, and ends. */
  close(code: number = disconnect.byApplication, description = ''): void {
    this.#say(code, description)
    this.end(new Error('closed by this side'))
  }

  #say(code: number, description: string): void {
    if (this.#over || this.#theirVersion === '') return
    this.#write([new Writer().byte(message.disconnect).uint32(code).string(description).string('').done()])
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
      if (this.#part.isStrict) this.#say(disconnect.protocolError, error.message)
      this.end(error)
    }
  }

  #begin(version: string): void {
    this.#theirVersion = version
    this.#startExchange()
  }

  #startExchange(): KeyExchange {
    const exchange = this.#part.beginExchange(this.#theirVersion)
    this.#exchange = exchange
    if (this.#isPaused) this.#output.resume()
    this.#write([exchange.init])
    return exchange
  }

  #receive(payload: Buffer): void {
    if (this.#over) return
    const type = payload[0] as number
    if (this.#part.isStrict && this.#exchange && !ofExchange.includes(type))
      throw new SshProtocolError(`message ${type} in an exchange of keys`)
    switch (type) {
      case message.kexInit: {
        const answer = (this.#exchange ?? this.#startExchange()).accept(payload)
        if (answer) this.#write([answer])
        return
      }
      case this.#part.theirHalf:
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

  #exchanged(half: Buffer): void {
    const exchange = this.#exchange
    if (!exchange || this.#receiveKey)
      throw new SshProtocolError('half an exchange of keys that nobody began')
    const finished = exchange.finish(half, this.#sessionId)
    if (!finished) return
    const { answer, keys } = finished
    this.#sessionId ??= exchange.hash
    if (answer) this.#write([answer])
    this.#write([Buffer.from([message.newKeys])])
    this.#writer.setKey(keys.send)
    this.#receiveKey = keys.receive
  }

  #newKeys(): void {
    if (!this.#receiveKey) throw new SshProtocolError('new keys that were not agreed on')
    this.#reader.setKey(this.#receiveKey)
    this.#receiveKey = undefined
    this.#exchange = undefined
    if (this.#isPaused) this.#output.pause()
    for (const parts of this.#waiting.splice(0)) this.#write(parts)
    if (this.#ready) {
      if (!this.blocked) this.#handlers.drained()
      return
    }
    this.#ready = true
    this.#handlers.ready()
  }
}
