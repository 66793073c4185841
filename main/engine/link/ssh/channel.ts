import { Duplex, Readable } from 'node:stream'
import { message, STDERR } from './messages'
import { type Reader, SshProtocolError, Writer } from './wire'

/** Bytes that the other side may send before any of them was taken: for one channel, stderr included. */
export const WINDOW = 2 * 1024 * 1024
/** Bytes taken by the reader before they are given back: few messages, and never near the whole window. */
const GIVE_BACK = WINDOW / 8
const BUFFERED = 256 * 1024
const NOTHING = Buffer.alloc(0)
/** Berth's own request on a channel that carries a connection: its other end has been, or is to be, reset. */
const RESET = 'reset@berth.dev'

/** What a channel needs of the connection that it belongs to. */
export interface ChannelHost {
  /** Sends at once, in the order of the calls. */
  send(...parts: Buffer[]): void
  /** Has {@link Channel.sendTurn} called when it is the channel's turn. */
  queue(channel: Channel): void
  /** The channel is over on both sides. */
  forget(channel: Channel): void
}

/** Thrown into a channel whose other end reset it; `code` is what a socket of Node would say. */
export class ChannelReset extends Error {
  readonly code = 'ECONNRESET'
  constructor() {
    super('read ECONNRESET')
    this.name = 'ChannelReset'
  }
}

/** Thrown into a channel whose connection is over. */
export class ConnectionLost extends Error {
  readonly code = 'ECONNRESET'
}

/** Refused by the other side. */
export class RequestRefused extends Error {}

interface Pending {
  readonly chunk: Buffer
  offset: number
  readonly done: () => void
}

/**
 * One channel of a connection (RFC 4254, section 5), as a stream. Both directions have backpressure, and each channel
 * has its own: one that is not read holds up nothing but itself.
 */
export class Channel extends Duplex {
  readonly id: number
  /** Extended data; an owner that does not want it has to let it flow. */
  readonly stderr: Readable
  /** Resolves when nothing more comes of it; what came may still be to be read. */
  readonly over: Promise<void>
  /** Called with each request of the other side, such as `exit-status`; those that want a reply are refused. */
  onRequest: (type: string, payload: Reader) => void = () => undefined
  readonly #host: ChannelHost
  #remoteId = 0
  #remoteWindow = 0
  #remotePacket = 0
  #pending: Pending | undefined
  #taken = 0
  #reading = { stdout: true, stderr: true }
  #eof = { sent: false, received: false }
  #close = { sent: false, received: false }
  #isOpen = false
  #resolveOver: () => void = () => undefined
  readonly #replies: { resolve: () => void; reject: (error: Error) => void }[] = []

  constructor(id: number, host: ChannelHost) {
    super({ allowHalfOpen: true, readableHighWaterMark: BUFFERED, writableHighWaterMark: BUFFERED })
    this.id = id
    this.#host = host
    this.stderr = new Readable({ highWaterMark: BUFFERED, read: () => this.#wants('stderr') })
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve
    })
    // Its owner's own listeners tell what happened; one that has none must not take the process down.
    this.on('error', () => undefined)
    this.stderr.on('error', () => undefined)
  }

  /** For the connection: the other side has accepted it. */
  confirmed(remoteId: number, window: number, packet: number): void {
    this.#isOpen = true
    this.#remoteId = remoteId
    this.#remoteWindow = window
    this.#remotePacket = packet
  }

  /** Sends a request and waits for the reply. Rejects with {@link RequestRefused}. */
  request(type: string, payload?: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#close.sent || this.#close.received) {
        reject(new ConnectionLost('the channel is closed'))
        return
      }
      this.#replies.push({ resolve, reject })
      this.#sendRequest(type, true, payload)
    })
  }

  /** Sends a request that has no reply. */
  notify(type: string, payload?: Buffer): void {
    if (!this.#close.sent && !this.#close.received) this.#sendRequest(type, false, payload)
  }

  #sendRequest(type: string, wantsReply: boolean, payload: Buffer = NOTHING): void {
    this.#host.send(this.#head(message.channelRequest).string(type).boolean(wantsReply).raw(payload).done())
  }

  #head(type: number): Writer {
    return new Writer().byte(type).uint32(this.#remoteId)
  }

  /** For the connection: a message that names this channel. */
  receive(type: number, reader: Reader): void {
    switch (type) {
      case message.channelData:
        this.#received('stdout', reader.string())
        return
      case message.channelExtendedData:
        this.#received(reader.uint32() === STDERR ? 'stderr' : 'nothing', reader.string())
        return
      case message.channelWindowAdjust:
        this.#remoteWindow += reader.uint32()
        if (this.#remoteWindow > 0xffff_ffff) throw new SshProtocolError('a window beyond all bounds')
        if (this.#pending) this.#host.queue(this)
        return
      case message.channelEof:
        this.#ended()
        return
      case message.channelClose:
        this.#closed()
        return
      case message.channelRequest:
        this.#requested(reader)
        return
      case message.channelSuccess:
        this.#replies.shift()?.resolve()
        return
      case message.channelFailure:
        this.#replies.shift()?.reject(new RequestRefused('the other side refuses'))
        return
      default:
        throw new SshProtocolError(`message ${type} in a channel`)
    }
  }

  #received(where: 'stdout' | 'stderr' | 'nothing', bytes: Buffer): void {
    this.#taken += bytes.length
    const isLost = this.destroyed || this.#eof.received || where === 'nothing' || bytes.length === 0
    if (!isLost) this.#reading[where] = (where === 'stdout' ? this : this.stderr).push(bytes)
    this.#giveBack()
  }

  #wants(which: 'stdout' | 'stderr'): void {
    this.#reading[which] = true
    this.#giveBack()
  }

  /** What was taken may be sent anew, unless one of the readers is slow. */
  #giveBack(): void {
    if (this.#taken < GIVE_BACK || this.#eof.received || this.#close.sent || this.#close.received) return
    if (!this.destroyed && !(this.#reading.stdout && this.#reading.stderr)) return
    const taken = this.#taken
    this.#taken = 0
    this.#host.send(this.#head(message.channelWindowAdjust).uint32(taken).done())
  }

  #ended(): void {
    if (this.#eof.received) return
    this.#eof.received = true
    this.push(null)
    this.stderr.push(null)
  }

  #closed(): void {
    if (this.#close.received) return
    this.#close.received = true
    this.#ended()
    const closed = new ConnectionLost('the channel was closed')
    for (const { reject } of this.#replies.splice(0)) reject(closed)
    // What is still to be written goes nowhere any more.
    this.#settle()
    this.#sendClose()
    this.#host.forget(this)
    if (!this.writableFinished) this.end()
    this.#resolveOver()
  }

  #requested(reader: Reader): void {
    const type = reader.text()
    const wantsReply = reader.boolean()
    if (type === RESET) this.destroy(new ChannelReset())
    else this.onRequest(type, reader)
    if (wantsReply) this.#host.send(this.#head(message.channelFailure).done())
  }

  override _read(): void {
    this.#wants('stdout')
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#close.received || this.#close.sent) {
      done()
      return
    }
    this.#pending = { chunk, offset: 0, done }
    if (this.#remoteWindow > 0) this.#host.queue(this)
  }

  /** For the connection: sends one packet. True when there is more that could be sent. */
  sendTurn(): boolean {
    const pending = this.#pending
    if (!pending) return false
    const left = pending.chunk.length - pending.offset
    const size = Math.min(left, this.#remoteWindow, this.#remotePacket)
    if (size === 0 && left > 0) return false
    const head = this.#head(message.channelData).uint32(size).done()
    this.#host.send(head, pending.chunk.subarray(pending.offset, pending.offset + size))
    this.#remoteWindow -= size
    pending.offset += size
    if (pending.offset < pending.chunk.length) return this.#remoteWindow > 0
    this.#settle()
    return false
  }

  #settle(): void {
    const done = this.#pending?.done
    this.#pending = undefined
    done?.()
  }

  override _final(done: () => void): void {
    if (!this.#eof.sent && !this.#close.sent && this.#isOpen) {
      this.#eof.sent = true
      this.#host.send(this.#head(message.channelEof).done())
    }
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isWhole = this.#eof.sent && this.#eof.received
    if (this.#isOpen && !isWhole) this.notify(RESET)
    this.#settle()
    this.#sendClose()
    // Read to the end it may be where its connection came to its end by itself.
    if (!isWhole && !this.#close.received) this.stderr.destroy()
    this.#resolveOver()
    done(error)
  }

  #sendClose(): void {
    if (this.#close.sent || !this.#isOpen) return
    this.#close.sent = true
    this.#host.send(this.#head(message.channelClose).done())
  }

  /** For the connection: it is over. */
  lost(reason: Error): void {
    const lost = new ConnectionLost(reason.message)
    for (const { reject } of this.#replies.splice(0)) reject(lost)
    this.#close.sent = true
    if (!this.#eof.received || !this.writableFinished) this.destroy(lost)
    this.#close.received = true
    this.#resolveOver()
  }
}
