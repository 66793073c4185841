import type { Duplex } from 'node:stream'
import { ConnectionLost } from '../ssh/channel'
import { Reader, SshProtocolError, Writer } from '../ssh/wire'
import { Frames } from './frames'
import { packet, status } from './protocol'

/** Requests without an answer at most; those beyond wait their turn. */
const IN_FLIGHT = 64
const VERSION = 3

/** The server's no to one request (section 7). */
export class SftpFailure extends Error {
  readonly status: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'SftpFailure'
    this.status = code
  }
}

interface Answer {
  readonly type: number
  readonly reader: Reader
}

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

interface Unsent extends Waiting {
  readonly type: number
  readonly parts: readonly Buffer[]
}

/**
 * SFTP over a stream, in the part of the client: many requests may be under way at once, and are answered in any order.
 * What the server sends is never more than was asked for; a server that breaks the rules loses the stream.
 */
export class SftpClient {
  readonly #channel: Duplex
  readonly #frames = new Frames()
  readonly #waiting = new Map<number, Waiting>()
  #unsent: Unsent[] = []
  #blocked = false
  #nextId = 0
  #end: Error | undefined
  #greeting: Waiting | undefined
  readonly #greeted: Promise<Answer>

  constructor(channel: Duplex) {
    this.#channel = channel
    this.#greeted = new Promise((resolve, reject) => {
      this.#greeting = { resolve, reject }
    })
    this.#greeted.catch(() => undefined)
    channel.on('data', (chunk: Buffer) => this.#received(chunk))
    channel.on('drain', () => {
      this.#blocked = false
      this.#pump()
    })
    channel.on('error', (error) => this.#finish(error))
    channel.on('end', () => this.#finish(new ConnectionLost('the files were no longer served')))
    channel.on('close', () => this.#finish(new ConnectionLost('the files were no longer served')))
    const version = new Writer().uint32(VERSION).done()
    this.#write(packet.init, [version])
  }

  /** Resolves when the server has said that it speaks this version (section 4). */
  async ready(): Promise<void> {
    const { type, reader } = await this.#greeted
    if (type !== packet.version || reader.uint32() < VERSION)
      throw this.#broken(new SshProtocolError('not the SFTP that is spoken here'))
  }

  get isOver(): boolean {
    return this.#end !== undefined
  }

  /**
   * Asks, and gives the answer if it is of type `wanted`. Rejects with {@link SftpFailure}, with `ConnectionLost`, or
   * with {@link SshProtocolError}. With `wanted` status the answer is ok.
   */
  async request(type: number, wanted: number, ...parts: readonly Buffer[]): Promise<Reader> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      if (this.#end) return reject(this.#end)
      this.#unsent.push({ type, parts, resolve, reject })
      this.#pump()
    })
    if (answer.type === packet.status) {
      const code = answer.reader.uint32()
      if (wanted === packet.status && code === status.ok) return answer.reader
      if (code === status.ok) throw this.#broken(new SshProtocolError('ok in place of an answer'))
      throw new SftpFailure(code, answer.reader.text())
    }
    if (answer.type !== wanted)
      throw this.#broken(new SshProtocolError(`packet ${answer.type} in place of ${wanted}`))
    return answer.reader
  }

  close(): void {
    this.#finish(new ConnectionLost('Berth closed it'))
  }

  #pump(): void {
    while (!this.#blocked && !this.#end && this.#waiting.size < IN_FLIGHT) {
      const next = this.#unsent.shift()
      if (!next) return
      do this.#nextId = (this.#nextId + 1) % 0x1_0000_0000
      while (this.#waiting.has(this.#nextId))
      const id = Buffer.allocUnsafe(4)
      id.writeUInt32BE(this.#nextId)
      this.#waiting.set(this.#nextId, next)
      this.#write(next.type, [id, ...next.parts])
    }
  }

  #write(type: number, parts: readonly Buffer[]): void {
    const size = parts.reduce((sum, part) => sum + part.length, 1)
    const head = Buffer.allocUnsafe(5)
    head.writeUInt32BE(size)
    head[4] = type
    this.#channel.cork()
    // One write for one packet where it is small; what a file holds is not copied.
    const last = parts.at(-1)
    if (last && last.length > 4096) {
      this.#channel.write(Buffer.concat([head, ...parts.slice(0, -1)]))
      this.#blocked = !this.#channel.write(last)
    } else this.#blocked = !this.#channel.write(Buffer.concat([head, ...parts]))
    this.#channel.uncork()
  }

  #received(chunk: Buffer): void {
    if (this.#end) return
    try {
      for (const frame of this.#frames.push(chunk)) this.#answered(frame)
    } catch (error) {
      this.#broken(error as Error)
    }
    this.#pump()
  }

  #answered(frame: Buffer): void {
    const type = frame[0] as number
    const reader = new Reader(frame, 1)
    if (this.#greeting) {
      this.#greeting.resolve({ type, reader })
      this.#greeting = undefined
      return
    }
    const id = reader.uint32()
    const waiting = this.#waiting.get(id)
    if (!waiting) throw new SshProtocolError(`an answer to request ${id}, which nobody made`)
    this.#waiting.delete(id)
    waiting.resolve({ type, reader })
  }

  #broken(error: Error): Error {
    this.#finish(error)
    return error
  }

  #finish(reason: Error): void {
    if (this.#end) return
    this.#end = reason
    this.#greeting?.reject(reason)
    this.#greeting = undefined
    for (const { reject } of [...this.#waiting.values(), ...this.#unsent]) reject(reason)
    this.#waiting.clear()
    this.#unsent = []
    this.#channel.destroy()
  }
}
