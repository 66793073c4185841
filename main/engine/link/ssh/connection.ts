import { setMaxListeners } from 'node:events'
import { Channel, ConnectionLost, RequestRefused, WINDOW } from './channel'
import { enter } from './client'
import { message, openFailure } from './messages'
import type { Carrier, Transport } from './transport'
import { Reader, SshProtocolError, Writer } from './wire'

export { Channel, ChannelReset, ConnectionLost, RequestRefused } from './channel'
export { openFailure } from './messages'
export { Reader, SshProtocolError, Writer } from './wire'

/** Channels of the other side that are open or being decided about, at most. */
const TAKEN_AT_ONCE = 64
/** Bytes that may come in one of them before any of them was taken. */
const TAKEN_WINDOW = 256 * 1024
/** Bytes of data in one packet that is taken: what all know to send. */
const PACKET = 32 * 1024

/** Why a channel was not opened (RFC 4254, section 5.1). */
export class OpenRefused extends Error {
  readonly reason: number

  constructor(reason: number, description: string) {
    super(description)
    this.reason = reason
  }
}

/**
 * Decides about a channel that the other side opens, from what its type says that follows. What it resolves with gets
 * the channel. Rejects with {@link OpenRefused} to refuse it.
 */
export type ChannelTaker = (extra: Buffer) => Promise<(channel: Channel) => void>

/** What the other side says of a channel that it opens. */
interface RemoteOpening {
  readonly remoteId: number
  readonly window: number
  readonly packet: number
}

interface Opening {
  readonly channel: Channel
  readonly resolve: (channel: Channel) => void
  readonly reject: (error: Error) => void
}

/**
 * An SSH connection in the part of the client (RFC 4251 to 4254), over a carrier that is safe already: it carries many
 * channels at once over one process in a workspace. It proves to nobody who it is: who has the carrier is in.
 */
export class SshConnection {
  /** Resolves when channels can be opened; rejects with why they never can. */
  readonly ready: Promise<void>
  /** Resolves with why it is over. */
  readonly ended: Promise<Error>
  readonly #transport: Transport
  readonly #channels = new Map<number, Channel>()
  readonly #openings = new Map<number, Opening>()
  readonly #requests: { resolve: (reply: Reader) => void; reject: (error: Error) => void }[] = []
  readonly #turns = new Set<Channel>()
  readonly #takers = new Map<string, ChannelTaker>()
  #taken = 0
  #nextId = 0
  #lastReceived: number
  #end: Error | undefined
  readonly #now: () => number
  #resolveReady: () => void = () => undefined
  #rejectReady: (error: Error) => void = () => undefined

  /** `now` is a clock in milliseconds. */
  constructor(carrier: Carrier, now: () => number) {
    this.#now = now
    this.#lastReceived = now()
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    this.ready.catch(() => undefined)
    let resolveEnded: (reason: Error) => void = () => undefined
    this.ended = new Promise((resolve) => {
      resolveEnded = resolve
    })
    this.#transport = enter(carrier, {
      ready: () => this.#resolveReady(),
      message: (payload) => this.#receive(payload),
      drained: () => this.#pump(),
      ended: (reason) => {
        this.#finish(reason)
        resolveEnded(reason)
      },
    })
  }

  /** What the other side says that it is, such as `SSH-2.0-BerthAgent_1`. */
  get serverVersion(): string {
    return this.#transport.theirVersion
  }

  /** When the last message came, by the clock. */
  get lastReceived(): number {
    return this.#lastReceived
  }

  get channels(): number {
    return this.#channels.size
  }

  /**
   * Opens a channel; `extra` is what its type says that follows, and `window` how many bytes may come before any of
   * them was taken. Rejects with {@link OpenRefused},
   * {@link ConnectionLost} or the signal's reason; one that was given up is closed when it comes.
   */
  open(type: string, extra: Buffer, signal?: AbortSignal, window = WINDOW): Promise<Channel> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted || this.#end) {
        reject(this.#end ? new ConnectionLost(this.#end.message) : signal?.reason)
        return
      }
      const channel = this.#newChannel(window)
      const { id } = channel
      const onAbort = () => reject(signal?.reason)
      // One signal may cover any number of channels: Node's warning of a leak above ten would be a false one.
      if (signal) setMaxListeners(0, signal)
      signal?.addEventListener('abort', onAbort, { once: true })
      const settled = () => signal?.removeEventListener('abort', onAbort)
      this.#openings.set(id, {
        channel,
        resolve: () => {
          settled()
          if (signal?.aborted) channel.destroy()
          else resolve(channel)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      })
      this.#transport.send(
        new Writer()
          .byte(message.channelOpen)
          .string(type)
          .uint32(id)
          .uint32(window)
          .uint32(PACKET)
          .raw(extra)
          .done(),
      )
    })
  }

  #newChannel(window: number): Channel {
    const channel = new Channel(this.#newId(), window, {
      send: (...parts) => this.#transport.send(...parts),
      queue: (one) => this.#queue(one),
      forget: (one) => this.#forget(one),
    })
    this.#channels.set(channel.id, channel)
    return channel
  }

  /** Takes channels of a type that the other side opens. Those of other types are refused. */
  take(type: string, taker: ChannelTaker): void {
    this.#takers.set(type, taker)
  }

  /** Ids go round; those that are still in use are left out. */
  #newId(): number {
    do this.#nextId = (this.#nextId + 1) % 0x1_0000_0000
    while (this.#channels.has(this.#nextId))
    return this.#nextId
  }

  /** A global request with a reply (RFC 4254, section 4). Rejects with {@link RequestRefused} or {@link ConnectionLost}. */
  request(type: string, payload: Buffer = Buffer.alloc(0)): Promise<Reader> {
    return new Promise((resolve, reject) => {
      if (this.#end) {
        reject(new ConnectionLost(this.#end.message))
        return
      }
      this.#requests.push({ resolve, reject })
      this.#transport.send(
        new Writer().byte(message.globalRequest).string(type).boolean(true).raw(payload).done(),
      )
    })
  }

  /** Resolves when the other side has answered. */
  async ping(): Promise<void> {
    try {
      await this.request('keepalive@openssh.com')
    } catch (error) {
      // No is an answer.
      if (!(error instanceof RequestRefused)) throw error
    }
  }

  /** Ends it, and every channel. */
  close(): void {
    this.#transport.close()
  }

  #receive(payload: Buffer): void {
    this.#lastReceived = this.#now()
    const type = payload[0] as number
    const reader = new Reader(payload, 1)
    switch (type) {
      case message.globalRequest:
        reader.string()
        if (reader.boolean()) this.#transport.send(Buffer.from([message.requestFailure]))
        return
      case message.requestSuccess:
        // Its message is gone once this returns.
        this.#requests.shift()?.resolve(new Reader(Buffer.from(reader.rest())))
        return
      case message.requestFailure:
        this.#requests.shift()?.reject(new RequestRefused('the other side refuses'))
        return
      case message.channelOpen:
        this.#asked(reader)
        return
      case message.channelOpenConfirmation:
        this.#confirmed(reader)
        return
      case message.channelOpenFailure:
        this.#openFailed(reader)
        return
      default: {
        const id = reader.uint32()
        const channel = this.#channels.get(id)
        if (!channel) throw new SshProtocolError(`a message for channel ${id}, which is not there`)
        channel.receive(type, reader)
      }
    }
  }

  /** The other side opens a channel. */
  #asked(reader: Reader): void {
    const type = reader.text()
    const opening: RemoteOpening = {
      remoteId: reader.uint32(),
      window: reader.uint32(),
      packet: reader.uint32(),
    }
    const taker = this.#takers.get(type)
    if (!taker)
      this.#refuse(opening.remoteId, new OpenRefused(openFailure.unknownType, 'no such channels here'))
    else if (this.#taken >= TAKEN_AT_ONCE)
      this.#refuse(opening.remoteId, new OpenRefused(openFailure.shortage, 'too many channels'))
    // Its message is gone once this returns.
    else void this.#decide(taker, Buffer.from(reader.rest()), opening)
  }

  /** Never rejects: whatever is no answer of the taker's is told as a refusal. */
  async #decide(taker: ChannelTaker, extra: Buffer, opening: RemoteOpening): Promise<void> {
    this.#taken += 1
    try {
      const serve = await taker(extra)
      if (this.#end) return
      const channel = this.#confirm(opening)
      serve(channel)
      await channel.over
    } catch (error) {
      const refusal =
        error instanceof OpenRefused ? error : new OpenRefused(openFailure.connectFailed, 'it failed')
      if (!this.#end) this.#refuse(opening.remoteId, refusal)
    } finally {
      this.#taken -= 1
    }
  }

  #confirm({ remoteId, window, packet }: RemoteOpening): Channel {
    const channel = this.#newChannel(TAKEN_WINDOW)
    channel.confirmed(remoteId, window, packet)
    const head = new Writer().byte(message.channelOpenConfirmation).uint32(remoteId).uint32(channel.id)
    this.#transport.send(head.uint32(TAKEN_WINDOW).uint32(PACKET).done())
    return channel
  }

  #refuse(remoteId: number, { reason, message: text }: OpenRefused): void {
    this.#transport.send(
      new Writer()
        .byte(message.channelOpenFailure)
        .uint32(remoteId)
        .uint32(reason)
        .string(text)
        .string('')
        .done(),
    )
  }

  #opening(reader: Reader): Opening {
    const id = reader.uint32()
    const opening = this.#openings.get(id)
    if (!opening) throw new SshProtocolError(`an answer about channel ${id}, which nobody opened`)
    this.#openings.delete(id)
    return opening
  }

  #confirmed(reader: Reader): void {
    const { channel, resolve } = this.#opening(reader)
    channel.confirmed(reader.uint32(), reader.uint32(), reader.uint32())
    resolve(channel)
  }

  #openFailed(reader: Reader): void {
    const { channel, reject } = this.#opening(reader)
    this.#channels.delete(channel.id)
    const reason = reader.uint32()
    reject(new OpenRefused(reason, reader.text()))
  }

  #queue(channel: Channel): void {
    this.#turns.add(channel)
    this.#pump()
  }

  #forget(channel: Channel): void {
    this.#turns.delete(channel)
    this.#channels.delete(channel.id)
  }

  /** One packet of each channel in turn, for as long as the stream takes them. */
  #pump(): void {
    while (!this.#transport.blocked) {
      const [channel] = this.#turns
      if (!channel) return
      this.#turns.delete(channel)
      if (channel.sendTurn()) this.#turns.add(channel)
    }
  }

  #finish(reason: Error): void {
    this.#end = reason
    const lost = new ConnectionLost(reason.message)
    this.#rejectReady(lost)
    for (const { reject } of this.#openings.values()) reject(lost)
    this.#openings.clear()
    for (const { reject } of this.#requests.splice(0)) reject(lost)
    this.#turns.clear()
    const channels = [...this.#channels.values()]
    this.#channels.clear()
    for (const channel of channels) channel.lost(reason)
  }
}
