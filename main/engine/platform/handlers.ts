import type { EventName, EventPayload, RequestName, RequestOutput, RequestParsed } from '#contract'

/** What answers requests: one function per name. Rejects with a `ProblemError`. The signal aborts when the caller gives up. */
export type Handlers = {
  readonly [N in RequestName]: (input: RequestParsed<N>, signal: AbortSignal) => Promise<RequestOutput<N>>
}

/** Announces what happened once (see contract/changes.ts). */
export type EmitEvent = <N extends EventName>(name: N, payload: EventPayload<N>) => void
