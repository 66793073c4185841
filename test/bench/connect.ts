import { connect } from 'node:net'

/** A connection without an answer for so many milliseconds will have none. */
const SILENCE = 60_000

/** Milliseconds from a new connection to the first byte back, of a server that sends back what it gets. */
export function connectOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => socket.write('x'))
    socket.once('data', () => {
      resolve(performance.now() - started)
      socket.destroy()
    })
    socket.once('error', reject)
    socket.setTimeout(SILENCE, () =>
      socket.destroy(new Error(`port ${port} said nothing for ${SILENCE / 1000} s`)),
    )
    socket.once('end', () => reject(new Error('the connection ended without an answer')))
  })
}
