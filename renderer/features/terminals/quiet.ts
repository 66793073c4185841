import type { Terminal } from '@xterm/xterm'

/**
 * Keeps a window's terminal from answering what the engine's own mirror of the screen answers: device attributes,
 * status, cursor position, modes and settings. Otherwise each window would answer once more. Questions about colours
 * are left to the window, which alone knows them; the engine takes the answer of one.
 */
export function keepQuiet({ parser }: Terminal): void {
  const swallow = () => true
  for (const prefix of [undefined, '>', '=']) parser.registerCsiHandler(id('c', prefix), swallow)
  for (const prefix of [undefined, '?']) parser.registerCsiHandler(id('n', prefix), swallow)
  for (const prefix of [undefined, '?'])
    parser.registerCsiHandler({ ...id('p', prefix), intermediates: '$' }, swallow)
  parser.registerCsiHandler(id('q', '>'), swallow)
  parser.registerDcsHandler({ intermediates: '$', final: 'q' }, swallow)
}

function id(final: string, prefix: string | undefined) {
  return prefix === undefined ? { final } : { prefix, final }
}
