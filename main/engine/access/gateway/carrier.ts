import type { Readable, Writable } from 'node:stream'
import type { Carrier } from '../../link/ssh/transport'

/** Milliseconds for the last words to go out. */
const LAST_WORDS = 2_000

/** SSH over two streams of a client; `destroy` lets what was written go out before it closes them. */
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
      input.end(close)
    },
  }
}
