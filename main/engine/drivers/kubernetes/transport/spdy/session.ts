import type { Duplex } from 'node:stream'
import { after, type Clock } from '../../../../platform/clock'
import type { SpdySession, SpdyStream, StreamEnd } from '../../api'
import { Deliveries, type Link, watchLiveness } from '../liveness'
import {
  type ControlFrame,
  FrameParser,
  GOAWAY_OK,
  GOAWAY_PROTOCOL_ERROR,
  goAwayFrame,
  pingFrame,
  RESET_CANCEL,
  RESET_REFUSED,
  resetFrame,
  SpdyProtocolError,
  synStreamFrame,
} from './frames'
import { HeaderWriter } from './headers'
import { Sender } from './sender'
import { MultiplexedStream, SpdyResetError, type StreamHost } from './stream'

/** Bytes of all streams that may wait to be read before nothing more is taken from the connection. */
const RECEIVE_HIGH_MARK = 2 * 1024 * 1024
const RECEIVE_LOW_MARK = 1024 * 1024
/** Milliseconds for the other side to accept a stream, as kubectl gives it. */
const OPEN_WITHIN = 30_000
/** Milliseconds for the connection to take the last bytes of a session that is closed. */
const CLOSE_WITHIN = 5_000
const LAST_STREAM_ID = 0x7fff_ffff
/** A kubelet hands frames to this many workers by stream; one whose stream is not taken is stuck with its pings. */
const WORKERS = 5
/** Bytes that a pipe takes without anybody reading them. */
const HEAVY = 64 * 1024

export interface SessionOptions {
  /** Carries the session: a TLS connection, or a websocket's binary messages. The session owns it. */
  readonly connection: Duplex
  readonly protocol: string
  readonly clock: Clock
  /** Whether the server answers elsewhere. Absent: whoever carries the session knows whether it lives. */
  readonly reachable?: () => Promise<boolean>
}

interface Opening {
  readonly stream: MultiplexedStream
  accepted(): void
  refused(error: Error): void
}

/** Why what belonged to a session came to its end. */
class SessionLostError extends Error {
  readonly code = 'ECONNRESET'
}

/**
 * A SPDY/3.1 session in the part of the client. Streams are sent in turns of 32 KiB and feel the connection's
 * backpressure. In the other direction the protocol's peer, moby/spdystream, knows no flow control for a single
 * stream: one that is not read holds up to 2 MiB, counted over all streams, and then all of them. A stream that is
 * bulky, or whose reader may be slow, wants a session of its own; one that nobody reads has to be destroyed.
 */
export function createSpdySession(options: SessionOptions): SpdySession {
  return new Session(options)
}

class Session implements SpdySession, StreamHost {
  readonly protocol: string
  readonly ended: Promise<StreamEnd>
  readonly #connection: Duplex
  readonly #clock: Clock
  readonly #watch = new AbortController()
  readonly #parser: FrameParser
  readonly #sender: Sender
  readonly #headers = new HeaderWriter()
  readonly #opening = new Map<number, Opening>()
  /** Those that are not over on both sides. */
  readonly #streams = new Map<number, MultiplexedStream>()
  readonly #halfClosed = { local: new Set<number>(), remote: new Set<number>() }
  /** Bytes that each of them was given to send. */
  readonly #given = new Map<number, number>()
  #nextStreamId = 1
  #unread = 0
  #paused = false
  #closing = false
  #goingAway = false
  #end: StreamEnd | undefined
  #resolveEnded: (end: StreamEnd) => void = () => undefined
  #received = 0
  readonly #deliveries = new Deliveries()
  #nextPing = 1
  readonly #pings = new Map<number, number>()

  constructor(options: SessionOptions) {
    const { connection, clock, protocol, reachable } = options
    this.protocol = protocol
    this.#connection = connection
    this.#clock = clock
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    this.#sender = new Sender(connection, this.#deliveries, (streamId) => this.#localFin(streamId))
    this.#parser = new FrameParser({
      control: (frame) => this.#control(frame),
      data: (streamId, piece) => this.#data(streamId, piece),
      fin: (streamId) => this.#remoteFin(streamId),
    })
    connection.on('data', (chunk: Buffer) => this.#receive(chunk))
    connection.on('error', (error) => this.#finish(false, error.message))
    connection.on('end', () => this.#connectionEnded())
    connection.on('close', () => this.#connectionEnded())
    if (reachable) {
      const onDead = (reason: string) => this.#finish(false, reason)
      void watchLiveness(this.#link(), { clock, reachable, onDead }, this.#watch.signal)
    }
  }

  get streams(): number {
    return this.#streams.size
  }

  async open(headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<SpdyStream> {
    signal?.throwIfAborted()
    const streamId = this.#nextStreamId
    if (this.#end) throw new SessionLostError(`the session is over: ${this.#end.reason}`)
    if (this.#closing || this.#goingAway || streamId > LAST_STREAM_ID) {
      throw new SessionLostError('the session takes no new streams')
    }
    this.#nextStreamId += 2
    const stream = new MultiplexedStream(streamId, this)
    this.#streams.set(streamId, stream)
    let inTime: () => void = () => undefined
    let aborted: () => void = () => undefined
    try {
      await new Promise<void>((resolve, reject) => {
        this.#opening.set(streamId, { stream, accepted: resolve, refused: reject })
        aborted = () => reject(signal?.reason)
        signal?.addEventListener('abort', aborted)
        inTime = after(this.#clock, OPEN_WITHIN, () =>
          reject(new Error(`a stream was not accepted within ${OPEN_WITHIN / 1000} s`)),
        )
        this.#sender.write(synStreamFrame(streamId, this.#headers.write(headers)))
      })
      return stream
    } catch (error) {
      stream.destroy()
      throw error
    } finally {
      this.#opening.delete(streamId)
      inTime()
      signal?.removeEventListener('abort', aborted)
    }
  }

  close(): void {
    this.#closing = true
    if (this.#streams.size === 0) this.#finish(true, 'closed by this side')
  }

  destroy(): void {
    this.#finish(false, 'ended by this side')
    this.#connection.destroy()
  }

  // What streams ask for.

  send(stream: MultiplexedStream, chunk: Buffer, callback: () => void): void {
    const { streamId } = stream
    this.#given.set(streamId, (this.#given.get(streamId) ?? 0) + chunk.length)
    this.#sender.send(streamId, chunk, callback)
  }

  finish(stream: MultiplexedStream, callback: () => void): void {
    this.#sender.finish(stream.streamId, callback)
  }

  buffered(bytes: number): void {
    this.#unread += bytes
    if (!this.#paused && this.#unread > RECEIVE_HIGH_MARK) {
      this.#paused = true
      this.#connection.pause()
    } else if (this.#paused && this.#unread <= RECEIVE_LOW_MARK) {
      this.#paused = false
      this.#connection.resume()
    }
  }

  closed(stream: MultiplexedStream): void {
    const { streamId } = stream
    this.#sender.drop(streamId)
    if (!this.#streams.has(streamId)) return
    this.#sender.write(resetFrame(streamId, RESET_CANCEL))
    this.#forget(streamId)
  }

  // What comes in.

  #receive(chunk: Buffer): void {
    this.#received += chunk.length
    if (this.#end) return
    try {
      this.#parser.push(chunk)
    } catch (error) {
      this.#sender.write(goAwayFrame(0, GOAWAY_PROTOCOL_ERROR))
      this.#finish(false, (error as Error).message)
    }
  }

  #control(frame: ControlFrame): void {
    switch (frame.kind) {
      case 'syn-reply':
        this.#opening.get(frame.streamId)?.accepted()
        if (frame.fin) this.#remoteFin(frame.streamId)
        return
      case 'headers':
        if (frame.fin) this.#remoteFin(frame.streamId)
        return
      case 'syn-stream':
        this.#sender.write(resetFrame(frame.streamId, RESET_REFUSED))
        return
      case 'rst-stream':
        this.#remoteReset(frame.streamId, frame.status)
        return
      case 'ping':
        this.#ping(frame.id)
        return
      case 'go-away':
        this.#goAway(frame.lastStreamId)
        return
      case 'ignored':
        return
    }
  }

  #data(streamId: number, piece: Buffer): void {
    if (streamId % 2 === 0 || streamId >= this.#nextStreamId) {
      throw new SpdyProtocolError(`data for stream ${streamId}, which was never opened`)
    }
    this.#streams.get(streamId)?.receive(piece)
  }

  #remoteFin(streamId: number): void {
    const stream = this.#streams.get(streamId)
    if (!stream) return
    this.#halfClosed.remote.add(streamId)
    if (this.#halfClosed.local.has(streamId)) this.#forget(streamId)
    stream.receiveFin()
  }

  #remoteReset(streamId: number, status: number): void {
    const stream = this.#streams.get(streamId)
    if (!stream) return
    const error = new SpdyResetError(status)
    this.#forget(streamId)
    this.#sender.drop(streamId)
    this.#opening.get(streamId)?.refused(error)
    stream.fail(error)
  }

  #localFin(streamId: number): void {
    this.#halfClosed.local.add(streamId)
    if (this.#halfClosed.remote.has(streamId)) this.#forget(streamId)
  }

  #ping(id: number): void {
    if (id % 2 === 1) {
      this.#deliveries.confirm(this.#pings.get(id) ?? 0)
      for (const earlier of this.#pings.keys()) if (earlier <= id) this.#pings.delete(earlier)
      return
    }
    // A flood of pings from who does not read the answers is to fill no memory.
    if (!this.#sender.flooded) this.#sender.write(pingFrame(id))
  }

  #goAway(lastStreamId: number): void {
    this.#goingAway = true
    for (const [streamId, { refused }] of this.#opening) {
      if (streamId > lastStreamId) refused(new SessionLostError('the server is ending the session'))
    }
    if (this.#streams.size === 0) this.#finish(true, 'the server ended the session')
  }

  // How it ends.

  #forget(streamId: number): void {
    this.#streams.delete(streamId)
    this.#given.delete(streamId)
    this.#halfClosed.local.delete(streamId)
    this.#halfClosed.remote.delete(streamId)
    if (this.#streams.size > 0) return
    if (this.#closing) this.#finish(true, 'closed by this side')
    else if (this.#goingAway) this.#finish(true, 'the server ended the session')
  }

  #connectionEnded(): void {
    const clean = this.#streams.size === 0
    this.#finish(clean, clean ? 'the server closed the connection' : 'the connection was lost')
  }

  #finish(clean: boolean, reason: string): void {
    if (this.#end) return
    if (clean) this.#sender.write(goAwayFrame(0, GOAWAY_OK))
    this.#end = { clean, reason }
    this.#watch.abort()
    this.#hangUp()
    const error = new SessionLostError(reason)
    for (const { refused } of this.#opening.values()) refused(error)
    this.#sender.stop()
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    for (const stream of streams) stream.fail(error)
    this.#resolveEnded(this.#end)
  }

  /** Gives the connection a moment to take what is on its way, and ends it. */
  #hangUp(): void {
    const connection = this.#connection
    const inTime = after(this.#clock, CLOSE_WITHIN, () => void connection.destroy())
    connection.once('close', inTime)
    connection.end(() => connection.destroy())
  }

  get #heavyStreams(): number {
    return [...this.#given.values()].filter((bytes) => bytes >= HEAVY).length
  }

  #link(): Link {
    const session = this
    return {
      get received() {
        return session.#received
      },
      get handedOver() {
        return session.#sender.written - session.#connection.writableLength
      },
      get waiting() {
        return session.#connection.writableLength
      },
      get paused() {
        return session.#paused
      },
      get mayBeStuck() {
        return session.#deliveries.mayBeStuck || session.#heavyStreams >= WORKERS
      },
      ping() {
        session.#pings.set(session.#nextPing, session.#deliveries.sent)
        session.#sender.write(pingFrame(session.#nextPing))
        session.#nextPing += 2
      },
    }
  }
}
