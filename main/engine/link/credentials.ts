import type { ExecProcess } from '../drivers/driver'
import type { Clock } from '../platform/clock'
import type { Disposer } from '../platform/disposable'
import { type CredentialLender, offerCredentials, withdrawCredentials } from './agent/credentials'
import type { AgentKeeper } from './agent/keeper'
import type { LinkCredentials } from './link'
import type { SshConnection } from './ssh/connection'

/** A command that is over sooner, in milliseconds, costs no connection to the agent: it has asked for nothing yet. */
const EARLY = 250

export interface LinkCredentialsDependencies {
  readonly agent: AgentKeeper
  readonly ended: AbortSignal
  readonly clock: Clock
}

/** Offers a lender at each connection to the agent, and sees that there is one for commands that may need it. */
export function createLinkCredentials({
  agent,
  clock,
  ended,
}: LinkCredentialsDependencies): LinkCredentials & { attend(process: ExecProcess): void } {
  let lender: CredentialLender | undefined
  let offered: SshConnection | undefined
  let unwatch: Disposer | undefined

  const offer = () => {
    const { connection } = agent
    if (!lender || !connection || connection === offered) return
    offered = connection
    // Where the connection is lost the next one is offered to.
    offerCredentials(connection, lender).catch(() => undefined)
  }

  return {
    lend(one) {
      lender = one
      unwatch ??= agent.onChange(offer)
      offer()
      return () => {
        if (lender !== one) return
        lender = undefined
        void unwatch?.()
        unwatch = undefined
        if (offered) void withdrawCredentials(offered)
        offered = undefined
      }
    },
    attend(process) {
      if (!lender) return
      const over = new AbortController()
      const end = AbortSignal.any([ended, over.signal])
      void process.exit.then(() => over.abort())
      void clock.sleep(EARLY, end).then(
        () => {
          const release = agent.hold()
          if (end.aborted) void release()
          else end.addEventListener('abort', () => void release(), { once: true })
        },
        () => undefined,
      )
    },
  }
}
