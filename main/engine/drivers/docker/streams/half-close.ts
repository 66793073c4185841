import type { Duplex } from 'node:stream'

/**
 * Ends the outgoing half of a connection that still has answers to bring. Not at once: of a TLS connection whose bytes
 * are just being handed out, record by record, OpenSSL throws away those that wait behind (SSL_shutdown: "application
 * data after close notify"), and the connection looks as if it had ended by itself. In a turn of its own none wait.
 */
export function halfClose(socket: Duplex, done?: () => void): void {
  setImmediate(() => {
    if (socket.destroyed || socket.writableEnded) done?.()
    else socket.end(done)
  })
}
