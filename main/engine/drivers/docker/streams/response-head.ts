import type { Duplex } from 'node:stream'

/** More than any engine sends. */
const LONGEST_HEAD = 65_536

export interface ResponseHead {
  readonly status: number
  /** The body's bytes that came along. */
  readonly head: Buffer
}

/** Reads an HTTP response up to its empty line (RFC 9112, section 4) and leaves the stream paused behind it. */
export function readResponseHead(socket: Duplex, signal?: AbortSignal): Promise<ResponseHead> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    const settle = (action: () => void) => {
      socket.off('data', onData)
      socket.off('end', onEnd)
      socket.off('error', onError)
      socket.off('close', onEnd)
      signal?.removeEventListener('abort', onAbort)
      socket.pause()
      action()
    }
    const fail = (error: unknown) => settle(() => reject(error))
    const onData = (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const end = received.indexOf('\r\n\r\n')
      if (end < 0) {
        if (received.length > LONGEST_HEAD)
          fail(new Error('400 Bad Request: the answer has no end of its head'))
        return
      }
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(received.toString('latin1', 0, Math.min(end, 64)))?.[1]
      if (!status) return fail(new Error('400 Bad Request: the answer is not HTTP'))
      settle(() => resolve({ status: Number(status), head: received.subarray(end + 4) }))
    }
    const onEnd = () => fail(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
    const onError = (error: Error) => fail(error)
    const onAbort = () => fail(signal?.reason)
    socket.on('data', onData)
    socket.on('end', onEnd)
    socket.on('error', onError)
    socket.on('close', onEnd)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
