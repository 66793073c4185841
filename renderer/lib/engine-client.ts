import type {
  ClientMessage,
  CollectionChange,
  CollectionName,
  EngineMessage,
  EventName,
  EventPayload,
  Problem,
  RequestInput,
  RequestName,
  RequestOutput,
  Result,
  StreamDown,
  StreamName,
  StreamOpen,
  StreamUp,
} from '#contract'

/** `connecting` until the first connection, `ready` while connected, `lost` from a disconnect until the next connection. */
export type ConnectionState = 'connecting' | 'ready' | 'lost'

/** One end of an open stream. Messages that arrive before `onMessage` is called are kept for it. */
export interface Stream<N extends StreamName> {
  post(message: StreamUp<N>): void
  /** At most one listener; messages wait until there is one. */
  onMessage(listener: (message: StreamDown<N>) => void): void
  /** Called once when the engine, or its death, closed the stream; not after `close()`. */
  onClose(listener: () => void): void
  close(): void
}

export interface EngineClientOptions {
  /** Asks for a port; it comes, now or later, through `attach`. False: it was refused, and is asked for again later. */
  readonly requestPort: () => Promise<boolean>
  readonly onState: (state: ConnectionState) => void
  /** Changes in order; on each connection a snapshot comes first. */
  readonly onChange: (change: CollectionChange) => void
  /** Called with each message of the engine and of every stream. */
  readonly onTraffic?: () => void
  /** How long to wait before asking for a port after the n-th loss in a row, milliseconds. */
  readonly retryDelay?: (losses: number) => number
}

interface Pending {
  readonly name: RequestName
  readonly input: unknown
  readonly settle: (result: Result<unknown>) => void
  sent: boolean
}

type EventListener = (name: EventName, payload: unknown) => void

/**
 * The window's side of contract/wire.ts. Survives the engine: what was under way when the connection died is
 * answered with an `engine-crashed` Problem (it may or may not have happened, so it is never sent twice), what was
 * asked while there is no connection waits for the next one, and a gap in the versions leads to a fresh connection.
 */
export class EngineClient {
  readonly #options: EngineClientOptions
  readonly #pending = new Map<number, Pending>()
  readonly #versions = new Map<CollectionName, number>()
  /** Changes of which more is to come. */
  readonly #parts = new Map<CollectionName, CollectionChange[]>()
  readonly #listeners = new Set<EventListener>()
  readonly #streams = new Set<{ readonly lose: () => void }>()
  #unopened: { readonly message: ClientMessage; readonly port: MessagePort }[] = []
  #port: MessagePort | undefined
  /** A port was asked for and has not come yet; the shell sends it when the engine is up. */
  #asked = false
  #state: ConnectionState = 'connecting'
  #nextId = 1
  #losses = 0
  #disposed = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: EngineClientOptions) {
    this.#options = options
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Asks for a port unless there is one. */
  connect(): void {
    if (this.#port || this.#asked) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#asked = true
    void this.#options.requestPort().then((granted) => {
      if (granted || this.#port) return
      this.#asked = false
      this.#reconnect()
    })
  }

  /** Takes over a port; a former one is closed. */
  attach(port: MessagePort): void {
    this.#drop()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#port = port
    this.#asked = false
    this.#versions.clear()
    this.#parts.clear()
    port.addEventListener('message', (event: MessageEvent) => {
      if (this.#port !== port) return
      this.#options.onTraffic?.()
      this.#receive(event.data as EngineMessage)
    })
    port.addEventListener('close', () => {
      if (this.#port === port) this.lose()
    })
    port.start()
    this.#setState('ready')
    for (const [id, pending] of this.#pending) if (!pending.sent) this.#send(id, pending)
    const unopened = this.#unopened
    this.#unopened = []
    for (const { message, port: end } of unopened) port.postMessage(message, [end])
  }

  /** The engine died or closed the connection. Everything under way is answered, and a new port asked for. */
  lose(): void {
    this.#asked = false
    this.#drop()
    for (const stream of [...this.#streams]) stream.lose()
    this.#setState('lost')
    this.#reconnect()
  }

  /** Never rejects. A request made without a connection waits for one. */
  request<N extends RequestName>(
    name: N,
    input: RequestInput<N>,
    signal?: AbortSignal,
  ): Promise<Result<RequestOutput<N>>> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve({ ok: false, problem: abandoned })
      const id = this.#nextId++
      const abandon = () => {
        const pending = this.#pending.get(id)
        if (pending?.sent) this.#port?.postMessage({ type: 'abandon', id } satisfies ClientMessage)
        pending?.settle({ ok: false, problem: abandoned })
      }
      const pending: Pending = {
        name,
        input,
        sent: false,
        settle: (result) => {
          this.#pending.delete(id)
          signal?.removeEventListener('abort', abandon)
          // The engine answers a request by its contract; this is the one place where that is taken on trust.
          resolve(result as Result<RequestOutput<N>>)
        },
      }
      this.#pending.set(id, pending)
      signal?.addEventListener('abort', abandon, { once: true })
      if (this.#port) this.#send(id, pending)
    })
  }

  /** Opens a stream of its own beside the state. Without a connection it opens when there is one. */
  openStream<N extends StreamName>(stream: N, input: StreamOpen<N>): Stream<N> {
    const { port1, port2 } = new MessageChannel()
    const message = { type: 'open', stream, input } satisfies ClientMessage
    let closed = false
    let onClose: (() => void) | undefined
    const forget = () => {
      closed = true
      this.#streams.delete(entry)
      port1.close()
    }
    const lose = () => {
      if (closed) return
      forget()
      onClose?.()
    }
    const entry = { lose }
    this.#streams.add(entry)
    port1.addEventListener('close', lose)
    if (this.#port) this.#port.postMessage(message, [port2])
    else this.#unopened.push({ message, port: port2 })
    return {
      post: (up) => {
        if (!closed) port1.postMessage(up)
      },
      onMessage: (listener) => {
        port1.onmessage = (event: MessageEvent) => {
          if (closed) return
          this.#options.onTraffic?.()
          listener(event.data as StreamDown<N>)
        }
      },
      onClose: (listener) => {
        onClose = listener
      },
      close: () => {
        if (closed) return
        this.#unopened = this.#unopened.filter((waiting) => waiting.port !== port2)
        forget()
      },
    }
  }

  onEvent<N extends EventName>(name: N, listener: (payload: EventPayload<N>) => void): () => void {
    const entry: EventListener = (happened, payload) => {
      if (happened === name) listener(payload as EventPayload<N>)
    }
    this.#listeners.add(entry)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  /** Closes the connection for good. */
  dispose(): void {
    this.#disposed = true
    clearTimeout(this.#timer)
    this.#drop()
    for (const stream of [...this.#streams]) stream.lose()
  }

  #receive(message: EngineMessage): void {
    switch (message.type) {
      case 'response':
        this.#pending.get(message.id)?.settle(message.result)
        return
      case 'event':
        for (const listener of [...this.#listeners]) listener(message.name, message.payload)
        return
      case 'change':
        this.#change(message)
    }
  }

  #change(change: CollectionChange): void {
    const last = this.#versions.get(change.collection)
    const inOrder = change.snapshot !== undefined || (last !== undefined && change.version === last + 1)
    if (!inOrder) {
      this.#resync()
      return
    }
    this.#versions.set(change.collection, change.version)
    // A connection that goes on after its snapshots is a good one: the next loss is the first again.
    if (!change.snapshot) this.#losses = 0
    const parts = [...(this.#parts.get(change.collection) ?? []), change]
    if (change.more) {
      this.#parts.set(change.collection, parts)
      return
    }
    this.#parts.delete(change.collection)
    this.#options.onChange(parts.length === 1 ? change : joined(parts))
  }

  /** A change was lost. Only a new connection brings new snapshots; open streams have ports of their own and stay. */
  #resync(): void {
    this.#drop()
    this.#setState('lost')
    this.#reconnect()
  }

  #reconnect(): void {
    if (this.#disposed) return
    const delay = (this.#options.retryDelay ?? defaultRetryDelay)(this.#losses++)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.connect(), delay)
  }

  #drop(): void {
    const port = this.#port
    this.#port = undefined
    port?.close()
    for (const pending of [...this.#pending.values()]) {
      if (pending.sent) pending.settle({ ok: false, problem: connectionLost })
    }
  }

  #send(id: number, pending: Pending): void {
    pending.sent = true
    this.#port?.postMessage({
      type: 'request',
      id,
      name: pending.name,
      input: pending.input,
    } satisfies ClientMessage)
  }

  #setState(state: ConnectionState): void {
    if (this.#state === state) return
    this.#state = state
    this.#options.onState(state)
  }
}

function defaultRetryDelay(losses: number): number {
  return Math.min(100 * 2 ** losses, 5000)
}

const connectionLost: Problem = {
  code: 'engine-crashed',
  title: 'Berth’s engine stopped before it could answer',
  cause:
    'The part of Berth that talks to your targets ended. It is being started again; your workspaces go on.',
  remedy: 'Look whether the action took effect, then try it again.',
}

const abandoned: Problem = {
  code: 'cancelled',
  title: 'No longer needed',
  cause: 'The window stopped waiting for the answer.',
  remedy: '',
}

/** One change of its parts. */
function joined(parts: readonly CollectionChange[]): CollectionChange {
  const { snapshot } = parts[0] as CollectionChange
  const { collection, version } = parts.at(-1) as CollectionChange
  const upserts = parts.flatMap((part) => part.upserts)
  const removes = parts.flatMap((part) => part.removes)
  return snapshot
    ? { collection, version, snapshot: [...snapshot, ...upserts], upserts: [], removes }
    : { collection, version, upserts, removes }
}
