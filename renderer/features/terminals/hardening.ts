import type { Terminal } from '@xterm/xterm'

interface Internals {
  readonly _core: {
    readonly _inputHandler: {
      readonly _parser: { reset(): void }
      parse(data: string | Uint8Array, result?: boolean): Promise<boolean> | undefined
      eraseInDisplay(parameters: { readonly params: readonly number[] }): boolean
    }
  }
}

/**
 * Keeps a terminal alive whatever a program prints. In xterm.js 6.0.0 an exception within its parser leaves the
 * terminal deaf for ever; `\x1b[999;999H\x1b[1J` on a fresh screen is one that does it. The engine's mirror does the
 * same, so that both show the same.
 */
export function hardenTerminal(terminal: Terminal, onFault: (error: unknown) => void): void {
  const handler = (terminal as unknown as Internals)._core._inputHandler
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
