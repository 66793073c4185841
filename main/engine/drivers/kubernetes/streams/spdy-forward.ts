import type { SpdySession, SpdyStream } from '../api'
import { PortConnection } from './port-connection'

/** How long the word on why a connection ended may come after its end, in milliseconds. */
const LAST_WORD = 1_000

/**
 * Opens one connection over a session: a stream for its bytes and one for the node's word on its failure, which belong
 * together by their `requestID` (client-go/tools/portforward). Both are asked for at once. Resolves when the node has
 * accepted the streams: it only then begins to connect.
 */
export async function openSpdyConnection(
  session: SpdySession,
  port: number,
  requestId: number,
  targetName: string,
  signal: AbortSignal,
): Promise<PortConnection> {
  const headers = { port: String(port), requestID: String(requestId) }
  const opened = [
    session.open({ ...headers, streamType: 'error' }, signal),
    session.open({ ...headers, streamType: 'data' }, signal),
  ] as const
  try {
    const [error, data] = await Promise.all(opened)
    return carry(data, error, targetName)
  } catch (failure) {
    for (const one of opened) {
      one.then(
        (stream) => stream.destroy(),
        () => undefined,
      )
    }
    throw failure
  }
}

function carry(data: SpdyStream, error: SpdyStream, targetName: string): PortConnection {
  let complaint = ''
  const connection = new PortConnection(
    {
      pause: () => data.pause(),
      resume: () => data.resume(),
      write: (chunk, done) => {
        if (data.writable) data.write(chunk, () => done())
        else done()
      },
      end: (done) => {
        if (data.writable) data.end(done)
        else done()
      },
      destroy: () => {
        data.destroy()
        error.destroy()
      },
    },
    targetName,
  )
  const wordOver = new Promise<void>((resolve) => {
    error.once('end', resolve)
    error.once('close', resolve)
  })
  error.on('error', () => undefined)
  error.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString('utf8')}`.slice(-4_000)
  })
  // Nothing is ever sent on it; the node waits for that to be said.
  error.end()

  const finish = async (failure: string) => {
    let timer: NodeJS.Timeout | undefined
    // The node writes its complaint before it ends the data, but the two are read independently of each other.
    const patience = new Promise<void>((resolve) => {
      timer = globalThis.setTimeout(resolve, LAST_WORD)
    })
    await Promise.race([wordOver, patience])
    clearTimeout(timer)
    connection.finish(complaint || failure)
  }
  let failure = ''
  data.on('error', (reason) => {
    failure = reason.message
  })
  data.on('data', (chunk: Buffer) => connection.receive(chunk))
  data.once('end', () => void finish(''))
  data.once('close', () => void finish(failure || (data.readableEnded ? '' : 'the stream was closed')))
  // Some runtimes complain and leave the data open.
  void wordOver.then(() => {
    if (complaint !== '') setTimeout(() => connection.finish(complaint), LAST_WORD).unref()
  })
  return connection
}
