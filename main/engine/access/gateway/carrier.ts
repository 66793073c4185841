import type { Readable, Writable } from 'node:stream'
import type { Carrier } from '../../link/ssh/transport'

/** Milliseconds for the last words to be read. */
const LAST_WORDS = 2_000

/**
 * SSH over two streams of a client. `destroy` lets what was written go out, and goes on to read until the client has
 * gone: one whose own words were refused would not hear the last ones.
 */
export function carrierOf(input: Writable, output: Readable): Carrier {
  return {
    input,
    output,
    destroy: () => {
      const close = () => {
        clearTimeout(late)
        input.destroy()
        output.destroy()
      }
      const late = setTimeout(close, LAST_WORDS)
      const isGone = () => output.readableEnded || output.destroyed
      output.once('end', close)
      output.once('close', close)
      output.resume()
      input.end(() => {
        if (isGone()) close()
      })
    },
  }
}
