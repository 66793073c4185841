import type { EngineState } from '#contract'
import type { ConnectionState } from '../lib/engine'

/**
 * Why what is shown may be old, or why nothing is shown yet; empty where there is nothing to say.
 *
 * @param slow whether a first start takes longer than it usually does
 */
export function engineNote(connection: ConnectionState, process: EngineState, slow: boolean): string {
  // It does not start by itself any more: that has a place of its own, with a button.
  if (process.state === 'crashed' && process.retryInMilliseconds === undefined) return ''
  if (connection === 'lost') return 'Engine is starting again…'
  return connection === 'connecting' && slow ? 'Engine is starting…' : ''
}
