import { setMaxListeners } from 'node:events'
import { Channel, ConnectionLost, RequestRefused, WINDOW } from './channel'
import { enter } from './client'
import { message, openFailure } from './messages'
import type { Carrier, Transport } from './transport'
import { Reader, SshProtocolError, Writer } from './wire'

export { Channel, ChannelReset, ConnectionLost, RequestRefused } from './channel'
export { openFailure } from './messages'
export { Reader, SshProtocolError, Writer } from './wire'

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
      const id = this.#newId()
      const channel = new Channel(id, window, {
        send: (...parts) => this.#transport.send(...parts),
        queue: (one) => this.#queue(one),
        forget: (one) => this.#forget(one),
      })
      const onAbort = () => reject(signal?.reason)
      // One signal may cover any number of channels: Node's warning of a leak above ten would be a false one.
      if (signal) setMaxListeners(0, signal)
      signal?.addEventListener('abort', onAbort, { once: true })
      const settled = () => signal?.removeEventListener('abort', onAbort)
      this.#channels.set(id, channel)
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
        this.#refuse(reader)
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

  /** Nobody here waits for channels of the other side. */
  #refuse(reader: Reader): void {
    reader.string()
    this.#transport.send(
      new Writer()
        .byte(message.channelOpenFailure)
        .uint32(reader.uint32())
        .uint32(openFailure.unknownType)
        .string('no such channels here')
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
