import { Duplex, Readable } from 'node:stream'
import { message, STDERR } from './messages'
import { type Reader, SshProtocolError, Writer } from './wire'

/** Bytes that the other side may send before any of them was taken: for one channel, stderr included. */
export const WINDOW = 2 * 1024 * 1024
/** Part of the window that the reader takes before it is given back: few messages, and never near the whole window. */
const GIVE_BACK = 1 / 8
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
  readonly #giveBackAt: number
  #remoteId = 0
  #remoteWindow = 0
  #remotePacket = 0
  #pending: Pending | undefined
  #taken = 0
  #bytesRead = 0
  #bytesWritten = 0
  /** What came and was not asked for yet. */
  #queue: Buffer[] = []
  #wanted = false
  #stderrWanted = true
  #failure: Error | undefined
  #eof = { sent: false, received: false }
  #close = { sent: false, received: false }
  #isOpen = false
  #resolveOver: () => void = () => undefined
  readonly #replies: { resolve: () => void; reject: (error: Error) => void }[] = []

  constructor(id: number, window: number, host: ChannelHost) {
    // Nothing is read ahead: what waits is in the queue, and a failure is told behind it.
    super({ allowHalfOpen: true, readableHighWaterMark: 0, writableHighWaterMark: BUFFERED })
    this.id = id
    this.#giveBackAt = window * GIVE_BACK
    this.#host = host
    this.stderr = new Readable({
      highWaterMark: BUFFERED,
      read: () => {
        this.#stderrWanted = true
        this.#giveBack()
      },
    })
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve
    })
    // Its owner's own listeners tell what happened; one that has none must not take the process down.
    this.on('error', () => undefined)
    this.stderr.on('error', () => undefined)
  }

  /** Whether all that came has been read. */
  get isDrained(): boolean {
    return this.#queue.length === 0 && this.readableLength === 0
  }

  /** Bytes that came, extended data aside. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Bytes that went. */
  get bytesWritten(): number {
    return this.#bytesWritten
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

  /**
   * Sends a text as extended data; what the other side has no room for is left out. For a few words before anything else.
   */
  tell(text: string): void {
    const bytes = Buffer.from(text, 'utf8')
    const size = Math.min(bytes.length, this.#remoteWindow, this.#remotePacket)
    if (size === 0 || this.#close.sent || this.#close.received) return
    this.#remoteWindow -= size
    this.#host.send(
      this.#head(message.channelExtendedData).uint32(STDERR).string(bytes.subarray(0, size)).done(),
    )
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
    if (bytes.length === 0) return
    const isLost = this.destroyed || this.#eof.received || where === 'nothing'
    if (!isLost && where === 'stdout') {
      this.#bytesRead += bytes.length
      this.#queue.push(bytes)
      if (this.#wanted) this.#next()
      return
    }
    if (!isLost) this.#stderrWanted = this.stderr.push(bytes)
    this.#taken += bytes.length
    this.#giveBack()
  }

  /** What was taken may be sent anew. */
  #giveBack(): void {
    if (this.#taken < this.#giveBackAt || this.#eof.received || this.#close.sent || this.#close.received)
      return
    if (!this.destroyed && !this.#stderrWanted) return
    const taken = this.#taken
    this.#taken = 0
    this.#host.send(this.#head(message.channelWindowAdjust).uint32(taken).done())
  }

  /** Hands out what came next: bytes, or the end, or what went wrong. */
  #next(): void {
    const bytes = this.#queue.shift()
    this.#wanted = bytes === undefined && !this.#eof.received && !this.#failure
    if (bytes) {
      this.#taken += bytes.length
      this.#giveBack()
      this.push(bytes)
    } else if (this.#failure) this.destroy(this.#failure)
    else if (this.#eof.received) this.push(null)
  }

  #ended(): void {
    if (this.#eof.received) return
    this.#eof.received = true
    if (this.#wanted) this.#next()
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
    if (type === RESET) this.#fail(new ChannelReset())
    else this.onRequest(type, reader)
    if (wantsReply) this.#host.send(this.#head(message.channelFailure).done())
  }

  /** What came before is read first, as from a socket. */
  #fail(error: Error): void {
    this.#failure ??= error
    if (this.isDrained) this.destroy(error)
  }

  override _read(): void {
    this.#next()
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
    this.#bytesWritten += size
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
    this.#queue = []
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
    if (!this.#eof.received || !this.writableFinished) this.#fail(lost)
    this.#close.received = true
    this.#resolveOver()
  }
}
