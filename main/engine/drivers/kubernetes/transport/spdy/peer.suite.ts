import type { Duplex } from 'node:stream'
import { dataHeader, FrameParser, goAwayFrame, pingFrame, resetFrame, synReplyFrame } from './frames'
import { HeaderWriter } from './headers'
import { HeaderReader } from './headers.suite'

/** One stream as the other side of a session sees it. */
export interface PeerStream {
  readonly streamId: number
  readonly headers: Readonly<Record<string, string>>
  readonly received: Buffer[]
  finReceived: boolean
  resetBy: number | undefined
  reply(): void
  send(data: string | Buffer, fin?: boolean): boolean
  fin(): void
  reset(status: number): void
}

export interface PeerOptions {
  /** Called for each new stream. Absent: it is accepted. */
  readonly onStream?: (stream: PeerStream) => void
  readonly onData?: (stream: PeerStream, piece: Buffer) => void
  readonly onFin?: (stream: PeerStream) => void
  /** Absent: pings are answered. */
  readonly silent?: boolean
}

/** The serving side of SPDY/3.1, for tests: what moby/spdystream does, without its queues. */
export class SpdyPeer {
  readonly streams = new Map<number, PeerStream>()
  readonly pings: number[] = []
  readonly connection: Duplex
  wentAway: number | undefined
  readonly #headers = new HeaderWriter()

  constructor(connection: Duplex, options: PeerOptions = {}) {
    this.connection = connection
    connection.on('error', () => undefined)
    const reader = new HeaderReader()
    const parser = new FrameParser({
      control: (frame) => {
        switch (frame.kind) {
          case 'syn-stream': {
            const stream = this.#stream(frame.streamId, reader.read(frame.block))
            this.streams.set(frame.streamId, stream)
            if (options.onStream) options.onStream(stream)
            else stream.reply()
            return
          }
          case 'rst-stream': {
            const stream = this.streams.get(frame.streamId)
            if (stream) stream.resetBy = frame.status
            return
          }
          case 'ping':
            this.pings.push(frame.id)
            if (frame.id % 2 === 1 && !options.silent) connection.write(pingFrame(frame.id))
            return
          case 'go-away':
            this.wentAway = frame.status
            return
          default:
            return
        }
      },
      data: (streamId, piece) => {
        const stream = this.streams.get(streamId)
        if (!stream) return
        if (options.onData) options.onData(stream, piece)
        else stream.received.push(piece)
      },
      fin: (streamId) => {
        const stream = this.streams.get(streamId)
        if (!stream) return
        stream.finReceived = true
        options.onFin?.(stream)
      },
    })
    connection.on('data', (chunk: Buffer) => parser.push(chunk))
  }

  goAway(lastStreamId: number): void {
    this.connection.write(goAwayFrame(lastStreamId, 0))
  }

  #stream(streamId: number, headers: Readonly<Record<string, string>>): PeerStream {
    const { connection } = this
    return {
      streamId,
      headers,
      received: [],
      finReceived: false,
      resetBy: undefined,
      reply: () => void connection.write(synReplyFrame(streamId, this.#headers.write({}))),
      send: (data, fin = false) => {
        const bytes = Buffer.from(data)
        return connection.write(Buffer.concat([dataHeader(streamId, bytes.length, fin), bytes]))
      },
      fin: () => void connection.write(dataHeader(streamId, 0, true)),
      reset: (status) => void connection.write(resetFrame(streamId, status)),
    }
  }
}
