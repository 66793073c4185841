import { Readable } from 'node:stream'
import type { Extract, Pack } from 'tar-stream'

/** tar-stream's streams are not Node's own. As a Node stream, with backpressure; an error or the end of one ends the other. */
export function readableOf(tar: Pack): Readable {
  // The error reaches the reader through the iterator; unheard here it would end the process.
  tar.on('error', () => undefined)
  return Readable.from(tar as AsyncIterable<Buffer>, { objectMode: false })
}

/** Writes a whole tar stream into a reader of it, with backpressure. Rejects when either breaks. */
export async function feed(tar: Readable, entries: Extract, signal?: AbortSignal): Promise<void> {
  // Leaving the loop early makes Node destroy the stream with an error that nobody else listens to.
  tar.on('error', () => undefined)
  try {
    for await (const chunk of tar) {
      signal?.throwIfAborted()
      if (!entries.write(chunk)) await drained(entries, signal)
    }
    entries.end()
  } catch (error) {
    entries.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

/** The part of a streamx stream that waiting for room needs. */
interface Sink {
  once(event: 'drain' | 'error' | 'close', listener: (error?: Error) => void): unknown
  off(event: 'drain' | 'error' | 'close', listener: (error?: Error) => void): unknown
}

/** Resolves when more may be written; rejects when it never will. */
export function drained(sink: Sink, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (action: () => void) => {
      sink.off('drain', onDrain)
      sink.off('error', onError)
      sink.off('close', onClose)
      signal?.removeEventListener('abort', onAbort)
      action()
    }
    const onDrain = () => finish(resolve)
    const onError = (error?: Error) => finish(() => reject(error))
    const onClose = () => finish(() => reject(new Error('The tar stream was closed early')))
    const onAbort = () => finish(() => reject(signal?.reason))
    sink.once('drain', onDrain)
    sink.once('error', onError)
    sink.once('close', onClose)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
