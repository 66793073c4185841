import type { ApiWebSocket } from '../api'
import { PortConnection } from './port-connection'

/** Bytes per message. */
const MESSAGE = 64 * 1024
/** Channel of the first port's bytes. */
const DATA = Buffer.of(0)
/** How long the pod may be silent behind the end of what it was sent, in milliseconds. */
const SILENCE_AFTER_END = 30_000

/**
 * One connection that has a websocket to itself (`v4.channel.k8s.io`): two channels per port, data and error, each of
 * which begins with the port as two bytes. The protocol has no half-close: after `end()` the answer still comes, but
 * who waits for the end of the question before answering waits for ever, so the websocket is closed after 30 s in
 * which nothing came.
 */
export function carryWebSocket(socket: ApiWebSocket, targetName: string): PortConnection {
  let complaint = ''
  const heard = [0, 0]
  let drained: (() => void) | undefined
  let over = false
  let silence: NodeJS.Timeout | undefined
  const proceed = () => {
    const next = drained
    drained = undefined
    next?.()
  }
  const watchSilence = () => {
    clearTimeout(silence)
    silence = setTimeout(() => socket.close(), SILENCE_AFTER_END)
    silence.unref()
  }
  const send = (chunk: Buffer, start: number, done: () => void): void => {
    for (let at = start; at < chunk.length && !over; ) {
      const end = Math.min(at + MESSAGE, chunk.length)
      const more = socket.send(DATA, chunk.subarray(at, end))
      at = end
      if (more) continue
      drained = () => send(chunk, at, done)
      return
    }
    done()
  }
  socket.onDrain(proceed)
  const connection = new PortConnection(
    {
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      write: (chunk, done) => send(chunk, 0, done),
      end: (done) => {
        if (!over) watchSilence()
        done()
      },
      destroy: () => {
        clearTimeout(silence)
        socket.destroy()
      },
    },
    targetName,
  )
  socket.onMessage((data) => {
    const channel = data[0] ?? 255
    const seen = heard[channel]
    if (seen === undefined) return
    // The port, at the beginning of each channel.
    const skipped = Math.min(2 - seen, data.length - 1)
    heard[channel] = seen + skipped
    const payload = data.subarray(1 + skipped)
    if (payload.length === 0) return
    if (channel === 0) {
      if (silence) watchSilence()
      connection.receive(payload)
    } else {
      complaint = `${complaint}${payload.toString('utf8')}`.slice(-4_000)
      connection.finish(complaint)
    }
  })
  void socket.ended.then(({ clean, reason }) => {
    over = true
    clearTimeout(silence)
    proceed()
    connection.finish(complaint || (clean ? '' : reason || 'the connection was lost'))
  })
  return connection
}
