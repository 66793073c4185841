import type { Session } from '#contract'

/**
 * Whether the first terminal of a run of a workspace opens by itself, by what the workspace has then. `later`: it cannot
 * be told yet, since what is being reconnected to may have ended with the run before.
 */
export function greetingFor(sessions: readonly Pick<Session, 'state'>[]): 'yes' | 'no' | 'later' {
  const alive = sessions.filter(({ state }) => state !== 'ended')
  if (alive.length === 0) return 'yes'
  return alive.every(({ state }) => state === 'reconnecting') ? 'later' : 'no'
}
