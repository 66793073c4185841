import { type ReactNode, useCallback, useState } from 'react'
import type { Session } from '#contract'
import { request } from '../../lib/engine'
import { notifyProblem } from '../../lib/notify'
import { CloseDialog, type Closing } from './close-dialog'

/** Closes terminals, one or those of a tab. Asks first where something would end with them. */
export function useClosing(
  sessions: readonly Session[],
  onClosed: () => void,
): { readonly close: (sessionIds: readonly string[]) => Promise<void>; readonly dialog: ReactNode } {
  const [asked, setAsked] = useState<
    { readonly all: readonly string[]; readonly running: ReadonlyMap<string, string> } | undefined
  >()

  const end = useCallback(
    async (sessionIds: readonly string[]) => {
      setAsked(undefined)
      const results = await Promise.all(
        sessionIds.map((sessionId) => request('sessions.close', { sessionId })),
      )
      for (const result of results)
        if (!result.ok && result.problem.code !== 'not-found') notifyProblem(result.problem)
      onClosed()
    },
    [onClosed],
  )

  /** What cannot be known keeps nobody from closing. */
  const close = useCallback(
    async (sessionIds: readonly string[]) => {
      const running = new Map<string, string>()
      await Promise.all(
        sessionIds.map(async (sessionId) => {
          const result = await request('sessions.foreground', { sessionId })
          if (result.ok && result.value.process) running.set(sessionId, result.value.process.command)
        }),
      )
      if (running.size > 0) setAsked({ all: sessionIds, running })
      else await end(sessionIds)
    },
    [end],
  )

  const closing = sessions.flatMap(({ id, state, title }): Closing[] => {
    const command = asked?.running.get(id)
    return command !== undefined && state !== 'ended' ? [{ id, title, command }] : []
  })
  const dialog =
    asked && closing.length > 0 ? (
      <CloseDialog
        closing={closing}
        count={asked.all.length}
        onCancel={() => setAsked(undefined)}
        onClose={() => void end(asked.all)}
      />
    ) : null
  return { close, dialog }
}
