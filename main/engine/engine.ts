import type {
  CollectionName,
  CollectionRecord,
  EventName,
  EventPayload,
  RequestInput,
  RequestName,
  RequestOutput,
  StreamName,
  StreamOpen,
} from '#contract'
import type { Access } from './access'
import type { Links } from './link/link'
import type { ReadonlyCollection } from './platform/collection'
import type { Disposer } from './platform/disposable'
import type { MessageEndpoint } from './platform/message-port'

/** The engine as its hosts see it: the utility process behind the window, the command line, and tests. */
export interface Engine {
  readonly collections: { readonly [N in CollectionName]: ReadonlyCollection<CollectionRecord<N>> }
  /** Checks the input against the contract and answers. Rejects with a `ProblemError`. */
  call<N extends RequestName>(
    name: N,
    input: RequestInput<N>,
    signal?: AbortSignal,
  ): Promise<RequestOutput<N>>
  /** Serves a stream over `port` until either end closes it. Input is checked; a bad one closes the port. */
  open<N extends StreamName>(stream: N, input: StreamOpen<N>, port: MessageEndpoint): void
  onEvent(listener: <N extends EventName>(name: N, payload: EventPayload<N>) => void): Disposer
  readonly links: Links
  readonly access: Access
  /** Resolves once every target has answered, or failed to, for the first time. */
  readonly settled: Promise<void>
  /** Ends sessions and forwards; workspaces go on. Leaves no timer, socket or process. */
  dispose(): Promise<void>
}
