import {
  ClientMessage,
  type CollectionChange,
  type CollectionName,
  type CollectionRecord,
  type EngineMessage,
  type RequestInput,
  type RequestName,
  type StreamName,
  type StreamOpen,
  toProblem,
} from '#contract'
import type { Engine } from './engine'
import type { ReadonlyCollection } from './platform/collection'
import { DisposableStack, type Disposer } from './platform/disposable'
import type { Logger } from './platform/logger'
import type { MessageEndpoint } from './platform/message-port'

/** Changes that come within this many milliseconds travel together. */
const COALESCE = 8
/** Records of one message at most. */
const AT_ONCE = 100

/**
 * Serves one client over `endpoint` until either side ends it: snapshots, then changes and events; requests;
 * streams over ports of their own. Trusts nothing that arrives.
 */
export function serve(engine: Engine, endpoint: MessageEndpoint, logger: Logger): Disposer {
  const stack = new DisposableStack()
  const running = new Map<number, AbortController>()
  const send = (message: EngineMessage) => {
    if (!stack.disposed) endpoint.post(message)
  }

  for (const name of Object.keys(engine.collections) as CollectionName[])
    stack.add(followCollection(engine, name, send))
  stack.add(engine.onEvent((name, payload) => send({ type: 'event', name, payload } as EngineMessage)))
  stack.add(() => {
    for (const controller of running.values()) controller.abort()
  })
  stack.add(
    endpoint.onMessage((raw, ports) => {
      const parsed = ClientMessage.safeParse(raw)
      if (!parsed.success) {
        logger.warn('A malformed message was dropped', { issues: parsed.error.issues.length })
        for (const port of ports) port.close()
        return
      }
      const message = parsed.data
      if (message.type === 'open') {
        const [port, ...rest] = ports
        for (const extra of rest) extra.close()
        if (!port) return logger.warn('A stream was asked for without a port', { stream: message.stream })
        openStream(engine, message.stream, message.input, port, logger)
        return
      }
      for (const port of ports) port.close()
      if (message.type === 'abandon') running.get(message.id)?.abort()
      else void answer(message.id, message.name, message.input)
    }),
  )

  async function answer(id: number, name: string, input: unknown): Promise<void> {
    if (running.has(id)) return logger.warn('A request number was used twice', { id })
    const controller = new AbortController()
    running.set(id, controller)
    try {
      const value = await engine.call(
        name as RequestName,
        input as RequestInput<RequestName>,
        controller.signal,
      )
      send({ type: 'response', id, result: { ok: true, value } })
    } catch (error) {
      const problem = toProblem(error)
      if (problem.code === 'internal') logger.error('A request broke', { name, detail: problem.detail })
      send({ type: 'response', id, result: { ok: false, problem } })
    } finally {
      running.delete(id)
    }
  }

  const dispose = () => stack.dispose()
  endpoint.onClose(() => void dispose())
  return dispose
}

function openStream(
  engine: Engine,
  name: string,
  input: unknown,
  port: MessageEndpoint,
  logger: Logger,
): void {
  try {
    engine.open(name as StreamName, input as StreamOpen<StreamName>, port)
  } catch (error) {
    logger.warn('A stream could not be opened', { stream: name, cause: toProblem(error).cause })
    port.close()
  }
}

/** Sends a snapshot at once, then what changed, joined over a few milliseconds; in parts where there is much of it. */
function followCollection<N extends CollectionName>(
  engine: Engine,
  name: N,
  send: (message: EngineMessage) => void,
): Disposer {
  const collection = engine.collections[name] as ReadonlyCollection<CollectionRecord<N>>
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let version = 0

  const sendPart = (change: Omit<CollectionChange<N>, 'collection' | 'version'>) => {
    send({ type: 'change', collection: name, version, ...change } as EngineMessage)
    version += 1
  }
  const sendChange = ({
    snapshot,
    upserts,
    removes,
  }: Pick<CollectionChange<N>, 'snapshot' | 'upserts' | 'removes'>) => {
    const records = snapshot ?? upserts
    for (let at = 0; at === 0 || at < records.length; at += AT_ONCE) {
      const part = records.slice(at, at + AT_ONCE)
      sendPart({
        ...(snapshot && at === 0 ? { snapshot: part, upserts: [] } : { upserts: part }),
        removes: at === 0 ? removes : [],
        ...(at + AT_ONCE < records.length && { more: true }),
      })
    }
  }
  const flush = () => {
    timer = undefined
    const upserts: CollectionRecord<N>[] = []
    const removes: string[] = []
    for (const id of changed) {
      const record = collection.get(id)
      if (record) upserts.push(record)
      else removes.push(id)
    }
    changed.clear()
    sendChange({ upserts, removes })
  }

  sendChange({ snapshot: collection.list(), upserts: [], removes: [] })
  const stop = collection.onChange((change) => {
    for (const record of change.upserts) changed.add(record.id)
    for (const id of change.removes) changed.add(id)
    timer ??= setTimeout(flush, COALESCE)
  })
  return () => {
    clearTimeout(timer)
    return stop()
  }
}
