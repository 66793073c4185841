import { afterEach, expect, test, vi } from 'vitest'
import type { CollectionChange } from '#contract'
import { type ConnectionState, EngineClient } from './engine-client'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A client and the engine's end of each connection that it was given. */
function start() {
  const states: ConnectionState[] = []
  const changes: CollectionChange[] = []
  const engines: FakeEngine[] = []
  let grant = true
  const requestPort = vi.fn(async () => grant)
  const client = new EngineClient({
    requestPort,
    onState: (state) => states.push(state),
    onChange: (change) => changes.push(change),
    retryDelay: () => 0,
  })
  cleanups.push(() => {
    client.dispose()
    for (const engine of engines) engine.port.close()
  })
  const attach = () => {
    const { port1, port2 } = new MessageChannel()
    const engine = new FakeEngine(port1)
    engines.push(engine)
    client.attach(port2)
    return engine
  }
  return { client, states, changes, requestPort, attach, refuse: () => (grant = false) }
}

interface Received {
  readonly type: string
  readonly id?: number
  readonly name?: string
}

class FakeEngine {
  readonly received: Received[] = []
  readonly streams: MessagePort[] = []
  readonly port: MessagePort

  constructor(port: MessagePort) {
    this.port = port
    port.onmessage = (event: MessageEvent) => {
      this.received.push(event.data)
      this.streams.push(...event.ports)
    }
  }

  answer(id: number | undefined, value: unknown): void {
    this.port.postMessage({ type: 'response', id, result: { ok: true, value } })
  }

  change(version: number, fields: Partial<CollectionChange>): void {
    this.port.postMessage({
      type: 'change',
      collection: 'targets',
      version,
      upserts: [],
      removes: [],
      ...fields,
    })
  }
}

test('answers reach whoever asked, in whatever order they come', async () => {
  const { client, attach } = start()
  const engine = attach()
  const first = client.request('targets.probe', { targetId: 'one' })
  const second = client.request('targets.probe', { targetId: 'two' })
  await vi.waitFor(() => expect(engine.received).toHaveLength(2))
  engine.answer(engine.received[1]?.id, 'second')
  engine.answer(engine.received[0]?.id, 'first')
  expect(await first).toEqual({ ok: true, value: 'first' })
  expect(await second).toEqual({ ok: true, value: 'second' })
})

test('a change in several messages holds when all of it is there', async () => {
  const { attach, changes } = start()
  const engine = attach()
  const record = (id: string) => ({ id }) as never
  engine.change(0, { snapshot: [record('a')], more: true })
  engine.change(1, { upserts: [record('b')] })
  engine.change(2, { upserts: [record('c')], removes: ['a'], more: true })
  engine.change(3, { upserts: [record('d')] })
  await vi.waitFor(() => expect(changes).toHaveLength(2))
  expect(changes).toMatchObject([
    { version: 1, snapshot: [{ id: 'a' }, { id: 'b' }], upserts: [], removes: [] },
    { version: 3, upserts: [{ id: 'c' }, { id: 'd' }], removes: ['a'] },
  ])
})

test('a request without a connection waits for one', async () => {
  const { client, attach } = start()
  const answer = client.request('doctor.run', {})
  const engine = attach()
  await vi.waitFor(() => expect(engine.received).toMatchObject([{ type: 'request', name: 'doctor.run' }]))
  engine.answer(engine.received[0]?.id, [])
  expect(await answer).toEqual({ ok: true, value: [] })
})

test('what was under way when the engine died is answered once, and never sent again', async () => {
  const { client, attach, states } = start()
  const engine = attach()
  const answer = client.request('workspaces.delete', { workspaceId: 'w000000001' })
  await vi.waitFor(() => expect(engine.received).toHaveLength(1))
  engine.port.close()
  expect(await answer).toMatchObject({ ok: false, problem: { code: 'engine-crashed' } })
  const next = attach()
  await client.request('doctor.run', {}, AbortSignal.timeout(50))
  await vi.waitFor(() => expect(next.received.length).toBeGreaterThan(0))
  expect(next.received.filter((message) => message.name === 'workspaces.delete')).toEqual([])
  expect(states).toEqual(['ready', 'lost', 'ready'])
})

test('a dead connection is replaced without being told to', async () => {
  const { attach, requestPort } = start()
  const engine = attach()
  engine.port.close()
  await vi.waitFor(() => expect(requestPort).toHaveBeenCalledOnce())
})

test('a refused port is asked for again', async () => {
  const { client, requestPort, refuse } = start()
  refuse()
  client.connect()
  await vi.waitFor(() => expect(requestPort.mock.calls.length).toBeGreaterThan(2))
})

test('an abandoned request is answered at once and the engine told', async () => {
  const { client, attach } = start()
  const engine = attach()
  const controller = new AbortController()
  const answer = client.request('doctor.run', {}, controller.signal)
  controller.abort()
  expect(await answer).toMatchObject({ ok: false, problem: { code: 'cancelled' } })
  await vi.waitFor(() =>
    expect(engine.received.map((message) => message.type)).toEqual(['request', 'abandon']),
  )
})

test('a request abandoned before there was a connection is never sent', async () => {
  const { client, attach } = start()
  const controller = new AbortController()
  const answer = client.request('doctor.run', {}, controller.signal)
  controller.abort()
  await answer
  const engine = attach()
  void client.request('targets.probe', { targetId: 'one' })
  await vi.waitFor(() => expect(engine.received).toHaveLength(1))
  expect(engine.received[0]?.name).toBe('targets.probe')
})

test('changes are passed on in order from the snapshot on', async () => {
  const { attach, changes } = start()
  const engine = attach()
  engine.change(7, { snapshot: [] })
  engine.change(8, { removes: ['a'] })
  engine.change(9, { removes: ['b'] })
  await vi.waitFor(() => expect(changes.map((change) => change.version)).toEqual([7, 8, 9]))
})

test.each([
  ['a gap', [7, 9]],
  ['a repetition', [7, 7]],
])(
  '%s in the versions leads to a new connection, and the odd change is not applied',
  async (_name, versions) => {
    const { attach, changes, requestPort, states } = start()
    const engine = attach()
    engine.change(versions[0] ?? 0, { snapshot: [] })
    engine.change(versions[1] ?? 0, { removes: ['a'] })
    await vi.waitFor(() => expect(requestPort).toHaveBeenCalledOnce())
    expect(changes).toHaveLength(1)
    const next = attach()
    next.change(0, { snapshot: [] })
    await vi.waitFor(() => expect(changes).toHaveLength(2))
    expect(states).toEqual(['ready', 'lost', 'ready'])
  },
)

test('a change before any snapshot is a gap too', async () => {
  const { attach, changes, requestPort } = start()
  attach().change(3, { removes: ['a'] })
  await vi.waitFor(() => expect(requestPort).toHaveBeenCalledOnce())
  expect(changes).toEqual([])
})

test('a new port closes the one before, whose messages count no more', async () => {
  const { attach, changes } = start()
  const old = attach()
  const closed = new Promise((resolve) => old.port.addEventListener('close', resolve))
  const engine = attach()
  await closed
  engine.change(1, { snapshot: [] })
  await vi.waitFor(() => expect(changes).toHaveLength(1))
})

test('a stream carries messages both ways over its own port, and keeps early ones', async () => {
  const { client, attach } = start()
  const engine = attach()
  const stream = client.openStream('logs', { workspaceId: 'w000000001', follow: true })
  await vi.waitFor(() => expect(engine.streams).toHaveLength(1))
  expect(engine.received[0]).toEqual({
    type: 'open',
    stream: 'logs',
    input: { workspaceId: 'w000000001', follow: true },
  })
  const [port] = engine.streams
  const up: unknown[] = []
  if (port) port.onmessage = (event: MessageEvent) => up.push(event.data)
  port?.postMessage({ type: 'end' })
  stream.post({ type: 'ack', bytes: 5 })
  await vi.waitFor(() => expect(up).toEqual([{ type: 'ack', bytes: 5 }]))
  const down: unknown[] = []
  stream.onMessage((message) => down.push(message))
  await vi.waitFor(() => expect(down).toEqual([{ type: 'end' }]))
  stream.close()
})

test('a stream ends when the engine closes it, when it dies, and silently when the client closes it', async () => {
  const { client, attach } = start()
  const engine = attach()
  const input = { workspaceId: 'w000000001', follow: true }
  const closed: string[] = []
  const open = (name: string) => {
    const stream = client.openStream('logs', input)
    stream.onClose(() => closed.push(name))
    return stream
  }
  open('by the engine')
  const own = open('by the client')
  open('by a crash')
  await vi.waitFor(() => expect(engine.streams).toHaveLength(3))
  own.close()
  engine.streams[0]?.close()
  await vi.waitFor(() => expect(closed).toEqual(['by the engine']))
  client.lose()
  expect(closed).toEqual(['by the engine', 'by a crash'])
})

test('a stream opened without a connection opens with the next one', async () => {
  const { client, attach } = start()
  const given = client.openStream('logs', { workspaceId: 'w000000001', follow: false })
  const dropped = client.openStream('logs', { workspaceId: 'w000000002', follow: false })
  dropped.close()
  const engine = attach()
  await vi.waitFor(() => expect(engine.streams).toHaveLength(1))
  expect(engine.received).toMatchObject([{ type: 'open', input: { workspaceId: 'w000000001' } }])
  given.close()
})

test('events reach their listeners until these stop', async () => {
  const { client, attach } = start()
  const engine = attach()
  const heard: string[] = []
  const stop = client.onEvent('operation.output', ({ text }) => heard.push(text))
  const send = (text: string) =>
    engine.port.postMessage({
      type: 'event',
      name: 'operation.output',
      payload: { operationId: 'o', stepId: 's', text },
    })
  send('one')
  await vi.waitFor(() => expect(heard).toEqual(['one']))
  stop()
  const other = new Promise((resolve) => client.onEvent('operation.output', resolve))
  send('two')
  await other
  expect(heard).toEqual(['one'])
})
