import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HeardWords } from './first-words'

/** Pieces of this many bytes come from a flood: what comes with them may wait for the end of the turn. */
const BULKY = 8 * 1024
/** Bytes that are written at once at most. */
const BATCH = 128 * 1024

/** Ends a connection so that its other end sees an error and not an orderly end. */
export function reset(stream: Duplex): void {
  if (stream instanceof Socket && !stream.destroyed) stream.resetAndDestroy()
  else stream.destroy()
}

/** Hears of bytes as they pass, and whether they come from the first of two connections. */
export type Carried = (bytes: number, fromFirst: boolean) => void

/**
 * Joins two connections: bytes, ends and resets pass both ways, with backpressure. An end of one direction leaves the
 * other open; a failure of one connection resets the other. What was `heard` of the first
 * comes before all else of it.
 */
export function splice(
  one: Duplex,
  other: Duplex,
  carried: Carried = () => undefined,
  heard?: HeardWords,
): void {
  if (other.destroyed) {
    reset(one)
    return
  }
  follow(one, other)
  follow(other, one)
  gather(one, other, (bytes) => carried(bytes, true))
  gather(other, one, (bytes) => carried(bytes, false))
  if (heard && heard.length > 0) {
    carried(heard.length, true)
    const unsent = heard.unsent()
    if (unsent.length > 0) other.write(unsent)
  }
  one.pipe(other)
  other.pipe(one)
}

/**
 * Lets pieces of a flood that come in one turn of the event loop go on together: TLS delivers 16 KiB at a time, and
 * what a forward costs is mostly its writes. Anything smaller goes at once.
 */
function gather(from: Duplex, to: Duplex, carried: (bytes: number) => void): void {
  let held = 0
  const flush = () => {
    if (held === 0) return
    held = 0
    to.uncork()
  }
  // Before the pipe's own listener, which writes.
  from.on('data', (piece: Buffer) => {
    carried(piece.length)
    if (held + piece.length > BATCH) flush()
    if (held === 0) {
      if (piece.length < BULKY) return
      to.cork()
      setImmediate(flush)
    }
    held += piece.length
  })
}

function follow(from: Duplex, to: Duplex): void {
  from.on('error', () => reset(to))
  from.on('close', () => {
    // Once its end was passed on, what `to` still has to write may go on.
    if (!from.readableEnded) reset(to)
  })
}
