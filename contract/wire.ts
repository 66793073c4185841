import { z } from 'zod'
import type { CollectionChange, EventName, EventPayload } from './changes'
import type { Result } from './result'

/**
 * The messages on the port between a client (the window, or a test) and the engine. The engine checks each one
 * against `ClientMessage` and drops, with a log line, what is not one; the input of a request is then checked
 * against its own schema and answered with an `invalid-input` Problem where it does not fit.
 */
export const ClientMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('request'),
    id: z.number().int().min(0),
    name: z.string().max(100),
    input: z.unknown(),
  }),
  /** Gives up waiting for a request; the engine aborts what it can. */
  z.strictObject({ type: z.literal('abandon'), id: z.number().int().min(0) }),
  /** Opens a stream over the one MessagePort that comes with this message. */
  z.strictObject({ type: z.literal('open'), stream: z.string().max(100), input: z.unknown() }),
])
export type ClientMessage = z.infer<typeof ClientMessage>

/** On connection the engine sends a snapshot `change` for every collection, then changes and events as they come. */
export type EngineMessage =
  | { readonly type: 'response'; readonly id: number; readonly result: Result<unknown> }
  | ({ readonly type: 'change' } & CollectionChange)
  | {
      [N in EventName]: { readonly type: 'event'; readonly name: N; readonly payload: EventPayload<N> }
    }[EventName]
