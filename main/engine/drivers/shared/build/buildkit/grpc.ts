import type { Http2Stream, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'

/** gRPC's codes (grpc.io, "Status codes") that Berth knows. */
export const grpcCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  notFound: 5,
  permissionDenied: 7,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const

/** What a call fails with. The message is shown in the build's log. */
export class GrpcError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'GrpcError'
    this.code = code
  }
}

/** Messages that come in, one after the other. */
export type Messages = AsyncIterable<Buffer>

/**
 * A method: reads messages, and sends by `send`, which resolves when more may be sent. It has ended when it resolves;
 * a {@link GrpcError} that it rejects with is the call's status.
 */
export type Method = (
  messages: Messages,
  send: (message: Buffer) => Promise<void>,
  call: { readonly headers: IncomingHttpHeaders; readonly signal: AbortSignal },
) => Promise<void>

/** A method with one message each way. */
export function unary(answer: (request: Buffer) => Promise<Buffer> | Buffer): Method {
  return async (messages, send) => {
    for await (const message of messages) {
      await send(await answer(message))
      return
    }
    throw new GrpcError(grpcCodes.internal, 'There was no request.')
  }
}

/** Bytes of one message: gRPC's own default. */
const MAXIMUM_MESSAGE = 4 * 1024 * 1024
/** A flag and a length of four bytes (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX = 5

/** Serves gRPC on an HTTP/2 session by the methods' paths: `/grpc.health.v1.Health/Check`. */
export function serveGrpc(session: ServerHttp2Session, methods: ReadonlyMap<string, Method>): void {
  session.on('error', () => undefined)
  session.on('stream', (stream, headers) => {
    void answer(stream, headers, methods.get(String(headers[':path'])))
  })
}

async function answer(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  method: Method | undefined,
): Promise<void> {
  const ended = new AbortController()
  stream.on('error', () => undefined)
  stream.once('close', () => ended.abort())
  let status: { code: number; message: string } = { code: grpcCodes.ok, message: '' }
  stream.once('wantTrailers', () => {
    stream.sendTrailers({
      'grpc-status': String(status.code),
      ...(status.message && { 'grpc-message': encodeURIComponent(status.message) }),
    })
  })
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  try {
    if (!method) throw new GrpcError(grpcCodes.unimplemented, 'There is no such method.')
    await method(messagesOf(stream), (message) => send(stream, message), { headers, signal: ended.signal })
  } catch (error) {
    status =
      error instanceof GrpcError
        ? { code: error.code, message: error.message }
        : { code: grpcCodes.internal, message: 'Berth failed to answer.' }
  }
  if (stream.destroyed) return
  stream.end()
  stream.resume()
}

/** The messages that a stream brings, until it ends. Rejects with what breaks it. */
export async function* messagesOf(stream: Http2Stream): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  // A method may have read enough: its answer is still to be sent.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    while (rest.length >= PREFIX) {
      if (rest[0] !== 0) throw new GrpcError(grpcCodes.unimplemented, 'Compressed messages are not read.')
      const length = rest.readUInt32BE(1)
      if (length > MAXIMUM_MESSAGE) throw new GrpcError(grpcCodes.internal, 'A message is too long.')
      if (rest.length < PREFIX + length) break
      yield rest.subarray(PREFIX, PREFIX + length)
      rest = rest.subarray(PREFIX + length)
    }
  }
}

/** Resolves when more may be sent, or nothing can be any more. */
export function send(stream: Http2Stream, message: Buffer): Promise<void> {
  if (stream.destroyed) return Promise.resolve()
  const prefix = Buffer.alloc(PREFIX)
  prefix.writeUInt32BE(message.length, 1)
  if (stream.write(Buffer.concat([prefix, message]))) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.once('drain', done)
    stream.once('close', done)
  })
}
