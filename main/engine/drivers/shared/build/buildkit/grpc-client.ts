import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { GrpcError, grpcCodes, messagesOf, send } from './grpc'

/** A call that is under way. */
export interface GrpcCall {
  /** What comes back. Rejects with a {@link GrpcError} where the call ends with any status but "ok". */
  readonly messages: AsyncGenerator<Buffer>
  /** Resolves when more may be sent. */
  send(message: Buffer): Promise<void>
  /** No more is sent. */
  end(): void
  /** The call is of no more interest to this side: the server is told. */
  cancel(): void
}

type Headers = Readonly<Record<string, string | readonly string[]>>

/** gRPC as a client, on one connection that is there already. */
export class GrpcClient {
  readonly #session: ClientHttp2Session
  readonly #duplex: Duplex
  #failure: Error | undefined

  constructor(duplex: Duplex) {
    this.#duplex = duplex
    // The address goes nowhere but into a header.
    this.#session = connect('http://localhost', { createConnection: () => duplex })
    this.#session.on('error', (error: Error) => {
      this.#failure ??= error
    })
    duplex.on('error', (error: Error) => {
      this.#failure ??= error
      this.#session.destroy()
    })
  }

  /** Why the connection broke, where it did. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** `path`: `/package.Service/Method`. */
  call(path: string, headers: Headers = {}): GrpcCall {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(headers as Record<string, string | string[]>),
    })
    return {
      messages: this.#answers(stream),
      send: (message) => send(stream, message),
      end: () => void stream.end(),
      cancel: () => stream.close(),
    }
  }

  /** A call with one message each way. */
  async ask(path: string, message: Buffer, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted()
    const call = this.call(path)
    const onAbort = () => call.cancel()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await call.send(message)
      call.end()
      let answer: Buffer = Buffer.alloc(0)
      for await (const one of call.messages) answer = one
      return answer
    } finally {
      signal.removeEventListener('abort', onAbort)
      signal.throwIfAborted()
    }
  }

  close(): void {
    this.#session.destroy()
    this.#duplex.destroy()
  }

  async *#answers(stream: ClientHttp2Stream): AsyncGenerator<Buffer> {
    const status: { code?: number; message: string } = { message: '' }
    const read = (headers: IncomingHttpHeaders) => {
      const code = headers['grpc-status']
      if (code === undefined) return
      status.code = Number(code)
      status.message = decoded(String(headers['grpc-message'] ?? ''))
    }
    // An answer without messages has its status in front.
    stream.on('response', read)
    stream.on('trailers', read)
    let broken: Error | undefined
    const ended = new Promise<void>((resolve) => {
      stream.once('error', (error: Error) => {
        broken = error
        resolve()
      })
      stream.once('close', resolve)
    })
    try {
      yield* messagesOf(stream)
    } catch (error) {
      if (error instanceof GrpcError) throw error
    }
    await ended
    if (status.code === grpcCodes.ok) return
    if (status.code !== undefined) throw new GrpcError(status.code, status.message)
    const reason = this.#failure ?? broken
    throw new GrpcError(grpcCodes.unavailable, reason?.message ?? 'The connection ended.')
  }
}

/** The message of a status is written in percents (gRPC over HTTP/2, "Responses"). */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
