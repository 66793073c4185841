import { SESSION_VARIABLE } from '../link/link'

/** What programs in a terminal are told of it. */
export function terminalEnvironment(version: string, sessionId: string): Record<string, string> {
  return {
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    TERM_PROGRAM: 'Berth',
    TERM_PROGRAM_VERSION: version,
    [SESSION_VARIABLE]: sessionId,
  }
}
