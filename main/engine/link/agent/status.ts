import { SshProtocolError } from '../ssh/connection'

/** What an agent says of itself (PROTOCOL.md, `status@berth.dev`). */
export interface AgentStatus {
  /** Grows with every change of the agent. */
  readonly revision: number
}

/** Throws {@link SshProtocolError}. */
export function parseStatus(text: string): AgentStatus {
  try {
    const { revision } = JSON.parse(text) as { readonly revision?: unknown }
    if (typeof revision === 'number') return { revision }
  } catch {
    // Told below.
  }
  throw new SshProtocolError('an agent that does not say which it is')
}
