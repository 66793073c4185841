import type { Readable } from 'node:stream'

/** What every object has. */
export interface WatchedObject {
  readonly metadata?: {
    readonly name?: string
    readonly resourceVersion?: string
    readonly managedFields?: unknown
  }
}

export interface Change<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: T
}

/** What the server says of a watch that it cannot go on with (a Status of the API). */
export class WatchError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'WatchError'
    this.status = status
  }
}

/**
 * The changes of a watch's answer. It ends with the connection, however that came about: a change that has not come
 * whole is as good as not told, since the next watch begins before it. Throws what the server sends as an error, and
 * where the answer is not one of a watch.
 */
export async function* followChanges<T>(response: Readable, heard: () => void): AsyncGenerator<Change<T>> {
  for await (const line of lines(response, heard)) {
    const event = parse(line)
    if (event.type === 'ERROR') throw watchError(event.object)
    yield event as Change<T>
  }
}

function parse(line: string): { readonly type: string; readonly object: unknown } {
  try {
    const event: unknown = JSON.parse(line)
    if (typeof event === 'object' && event !== null && 'type' in event && 'object' in event) {
      const { type, object } = event
      if (typeof type === 'string' && typeof object === 'object' && object !== null) return { type, object }
    }
  } catch {
    // Told below.
  }
  throw new WatchError(502, `not a change: ${line.slice(0, 200)}`)
}

function watchError(object: unknown): WatchError {
  const { code, reason, message } = object as { code?: number; reason?: string; message?: string }
  const expired = code === 410 || reason === 'Expired' || reason === 'Gone'
  return new WatchError(expired ? 410 : (code ?? 500), message ?? reason ?? 'unknown')
}

/** Whole lines. The stream's errors are its end. */
async function* lines(stream: Readable, heard: () => void): AsyncGenerator<string> {
  let parts: Buffer[] = []
  const chunks = stream[Symbol.asyncIterator]()
  for (;;) {
    let chunk: Buffer
    try {
      const next = await chunks.next()
      if (next.done) return
      chunk = next.value as Buffer
    } catch {
      return
    }
    heard()
    let start = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, at))
      const line = Buffer.concat(parts).toString('utf8')
      parts = []
      start = at + 1
      if (line.trim()) yield line
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
  }
}
