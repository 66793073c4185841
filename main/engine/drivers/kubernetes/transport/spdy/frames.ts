/**
 * Frames of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00 and its 3.1 revision), as the streaming endpoints of the API
 * server and kubelet speak it through moby/spdystream: no flow control, no priorities, no pushed streams.
 */

/** What broke the protocol, and with it the session. */
export class SpdyProtocolError extends Error {
  constructor(message: string) {
    super(`SPDY: ${message}`)
    this.name = 'SpdyProtocolError'
  }
}

const VERSION = 3
const HEADER = 8
/** More than a frame of control ever needs here: headers of streams are a few short names. */
const CONTROL_LIMIT = 64 * 1024

export const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const

const FLAG_FIN = 1

/** Reasons of RST_STREAM. */
export const resetStatuses = {
  1: 'protocol error',
  2: 'invalid stream',
  3: 'refused',
  4: 'unsupported version',
  5: 'cancelled',
  6: 'internal error',
  7: 'flow control error',
  8: 'stream in use',
  9: 'stream already closed',
  10: 'invalid credentials',
  11: 'frame too large',
} as const
export const RESET_REFUSED = 3
export const RESET_CANCEL = 5

/** Reasons of GOAWAY. */
export const GOAWAY_OK = 0
export const GOAWAY_PROTOCOL_ERROR = 1

/** `block` are headers as they came (see {@link HeaderWriter}). */
export type ControlFrame =
  | { readonly kind: 'syn-stream'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'syn-reply'; readonly streamId: number; readonly fin: boolean }
  | { readonly kind: 'headers'; readonly streamId: number; readonly fin: boolean }
  | { readonly kind: 'rst-stream'; readonly streamId: number; readonly status: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'go-away'; readonly lastStreamId: number; readonly status: number }
  /** SETTINGS, WINDOW_UPDATE and what a later draft may add: nothing that this session heeds. */
  | { readonly kind: 'ignored'; readonly type: number }

export interface FrameListener {
  control(frame: ControlFrame): void
  /** A piece of a DATA frame, as soon as it is there. It shares its memory with what was pushed. */
  data(streamId: number, piece: Buffer): void
  /** A DATA frame with FLAG_FIN is over. */
  fin(streamId: number): void
}

/** Cuts what a connection delivers into frames. Data is neither copied nor held back until its frame is whole. */
export class FrameParser {
  readonly #listener: FrameListener
  /** What is there of a header or of a control frame. */
  #partial: Buffer[] = []
  #partialLength = 0
  /** Bytes that make the header, or the control frame with it, whole. */
  #needed = HEADER
  /** The DATA frame under way. */
  #data: { readonly streamId: number; readonly fin: boolean; left: number } | undefined

  constructor(listener: FrameListener) {
    this.#listener = listener
  }

  /** Throws SpdyProtocolError; nothing can be pushed after that. */
  push(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#data) {
        const piece = chunk.subarray(offset, offset + this.#data.left)
        offset += piece.length
        this.#data.left -= piece.length
        this.#takeData(this.#data, piece)
        continue
      }
      const taken = chunk.subarray(offset, offset + this.#needed - this.#partialLength)
      offset += taken.length
      this.#partial.push(taken)
      this.#partialLength += taken.length
      if (this.#partialLength === this.#needed) this.#whole()
    }
  }

  #takeData(frame: { readonly streamId: number; readonly fin: boolean; left: number }, piece: Buffer): void {
    if (frame.left === 0) this.#data = undefined
    if (piece.length > 0) this.#listener.data(frame.streamId, piece)
    if (frame.left === 0 && frame.fin) this.#listener.fin(frame.streamId)
  }

  #whole(): void {
    const [first] = this.#partial
    const bytes = this.#partial.length === 1 && first ? first : Buffer.concat(this.#partial)
    const length = bytes.readUInt32BE(4) & 0xff_ffff
    const flags = bytes.readUInt8(4)
    const isControl = (bytes.readUInt8(0) & 0x80) !== 0
    if (isControl && this.#needed === HEADER) {
      const version = bytes.readUInt16BE(0) & 0x7fff
      if (version !== VERSION) throw new SpdyProtocolError(`a frame of version ${version}`)
      if (length > CONTROL_LIMIT) throw new SpdyProtocolError(`a control frame of ${length} bytes`)
      if (length > 0) {
        this.#needed = HEADER + length
        return
      }
    }
    this.#partial = []
    this.#partialLength = 0
    this.#needed = HEADER
    if (isControl) {
      this.#listener.control(parseControl(bytes, flags))
      return
    }
    const streamId = bytes.readUInt32BE(0)
    if (streamId === 0) throw new SpdyProtocolError('data for stream 0')
    const frame = { streamId, fin: (flags & FLAG_FIN) !== 0, left: length }
    this.#data = frame
    if (length === 0) this.#takeData(frame, bytes.subarray(0, 0))
  }
}

function parseControl(bytes: Buffer, flags: number): ControlFrame {
  const type = bytes.readUInt16BE(2)
  const body = bytes.subarray(HEADER)
  const fin = (flags & FLAG_FIN) !== 0
  const needs = (length: number) => {
    if (body.length < length) throw new SpdyProtocolError(`a frame of type ${type} with ${body.length} bytes`)
  }
  const streamIdAt = (offset: number) => {
    const streamId = body.readUInt32BE(offset) & 0x7fff_ffff
    if (streamId === 0) throw new SpdyProtocolError(`a frame of type ${type} for stream 0`)
    return streamId
  }
  switch (type) {
    case frameTypes.synStream:
      needs(10)
      return { kind: 'syn-stream', streamId: streamIdAt(0), fin, block: body.subarray(10) }
    case frameTypes.synReply:
      needs(4)
      return { kind: 'syn-reply', streamId: streamIdAt(0), fin }
    case frameTypes.headers:
      needs(4)
      return { kind: 'headers', streamId: streamIdAt(0), fin }
    case frameTypes.rstStream:
      needs(8)
      return { kind: 'rst-stream', streamId: streamIdAt(0), status: body.readUInt32BE(4) }
    case frameTypes.ping:
      needs(4)
      return { kind: 'ping', id: body.readUInt32BE(0) }
    case frameTypes.goAway:
      needs(8)
      return {
        kind: 'go-away',
        lastStreamId: body.readUInt32BE(0) & 0x7fff_ffff,
        status: body.readUInt32BE(4),
      }
    default:
      return { kind: 'ignored', type }
  }
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + body.length)
  frame.writeUInt16BE(0x8000 | VERSION, 0)
  frame.writeUInt16BE(type, 2)
  frame.writeUInt32BE(flags * 0x100_0000 + body.length, 4)
  body.copy(frame, HEADER)
  return frame
}

function words(...values: readonly number[]): Buffer {
  const body = Buffer.allocUnsafe(values.length * 4)
  values.forEach((value, index) => {
    body.writeUInt32BE(value, index * 4)
  })
  return body
}

export function synStreamFrame(streamId: number, block: Buffer): Buffer {
  // Stream, associated stream, then priority and credential slot: the highest priority, none.
  return control(frameTypes.synStream, 0, Buffer.concat([words(streamId, 0), Buffer.alloc(2), block]))
}

export function synReplyFrame(streamId: number, block: Buffer): Buffer {
  return control(frameTypes.synReply, 0, Buffer.concat([words(streamId), block]))
}

export function resetFrame(streamId: number, status: number): Buffer {
  return control(frameTypes.rstStream, 0, words(streamId, status))
}

export function pingFrame(id: number): Buffer {
  return control(frameTypes.ping, 0, words(id))
}

export function goAwayFrame(lastStreamId: number, status: number): Buffer {
  return control(frameTypes.goAway, 0, words(lastStreamId, status))
}

/** What goes before `length` bytes of data, below 2^24. */
export function dataHeader(streamId: number, length: number, fin: boolean): Buffer {
  return words(streamId, (fin ? FLAG_FIN * 0x100_0000 : 0) + length)
}
