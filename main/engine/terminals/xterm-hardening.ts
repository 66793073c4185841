import type { Terminal } from '@xterm/headless'
import { internalsOf } from './xterm-internals'

/**
 * Keeps a terminal alive whatever a program prints. In xterm.js 6.0.0 an exception within its parser ends in a timer
 * of its own, where it would end this process, and leaves the terminal deaf; `\x1b[999;999H\x1b[1J` on a fresh screen
 * is one that does it.
 *
 * @param onFault told of an exception; the rest of that piece of output is not shown
 */
export function hardenTerminal(terminal: Terminal, onFault: (error: unknown) => void): void {
  const { _inputHandler: handler } = internalsOf(terminal)
  const parse = handler.parse.bind(handler)
  handler.parse = (data, result) => {
    try {
      return parse(data, result)
    } catch (error) {
      handler._parser.reset()
      onFault(error)
      return undefined
    }
  }
  // Erasing up to the last cell of the screen is erasing the screen, and that works.
  terminal.parser.registerCsiHandler({ final: 'J' }, (parameters) => {
    const { cursorX, cursorY } = terminal.buffer.active
    if (parameters[0] !== 1 || cursorY < terminal.rows - 1 || cursorX < terminal.cols - 1) return false
    return handler.eraseInDisplay({ params: [2] })
  })
}
