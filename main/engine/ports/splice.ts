import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Ends a connection so that its other end sees an error and not an orderly end. */
export function reset(stream: Duplex): void {
  if (stream instanceof Socket && !stream.destroyed) stream.resetAndDestroy()
  else stream.destroy()
}

/**
 * Joins two connections: bytes, ends and resets pass both ways, with backpressure. An end of one direction leaves the
 * other open; a failure of one connection resets the other.
 */
export function splice(one: Duplex, other: Duplex): void {
  follow(one, other)
  follow(other, one)
  one.pipe(other)
  other.pipe(one)
}

function follow(from: Duplex, to: Duplex): void {
  from.on('error', () => reset(to))
  from.on('close', () => {
    // Once its end was passed on, what `to` still has to write may go on.
    if (!from.readableEnded) reset(to)
  })
}
