import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { GrpcError, grpcCodes, type Method } from './grpc'
import { writeMessage } from './protobuf'

/** Bytes of one message: well below what a receiver takes. */
const PIECE = 1024 * 1024

/**
 * Tars that BuildKit gets over the session in place of a server (moby/buildkit, session/upload): by an address of
 * which it knows the host, `http://buildkit-session/…`.
 */
export class Uploads {
  readonly #sources = new Map<string, () => Promise<Readable>>()

  /** The address of what `open` gives, each time that it is asked for. */
  add(open: () => Promise<Readable>): string {
    const path = `/${randomBytes(12).toString('hex')}`
    this.#sources.set(path, open)
    return `http://buildkit-session${path}`
  }

  readonly methods: ReadonlyMap<string, Method> = new Map([
    [
      '/moby.upload.v1.Upload/Pull',
      async (_messages, send, { headers, signal }) => {
        const source = this.#sources.get(String(headers.urlpath))
        if (!source) throw new GrpcError(grpcCodes.notFound, 'there is no such upload')
        const tar = await source()
        const onAbort = () => tar.destroy()
        signal.addEventListener('abort', onAbort, { once: true })
        try {
          for await (const chunk of tar) {
            const bytes = chunk as Buffer
            for (let at = 0; at < bytes.length; at += PIECE)
              await send(writeMessage([[1, bytes.subarray(at, at + PIECE)]]))
          }
        } finally {
          signal.removeEventListener('abort', onAbort)
          tar.destroy()
        }
      },
    ],
  ])
}
