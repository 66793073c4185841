import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EngineMessage, problem, type Target } from '#contract'
import type { Engine } from './engine'
import { Collection } from './platform/collection'
import { endpointPair, type PairedEndpoint } from './platform/endpoint-pair'
import { silentLogger } from './platform/logger'
import { serve } from './server'

const target = (id: string, state: Target['state'] = 'ready'): Target => ({
  id,
  kind: 'docker',
  name: id,
  endpoint: 'unix:///x',
  isDefault: false,
  state,
})

let targets: Collection<Target>
let client: PairedEndpoint
let received: EngineMessage[]
let engine: Engine
const call = vi.fn()
const open = vi.fn()

beforeEach(() => {
  targets = new Collection<Target>()
  targets.set(target('docker:a'))
  call.mockReset()
  open.mockReset()
  engine = {
    // One collection is enough to show how all of them travel.
    collections: { targets } as unknown as Engine['collections'],
    call,
    open,
    onEvent: () => () => undefined,
    links: { get: () => ({}) as never },
    access: {} as unknown as Engine['access'],
    settled: Promise.resolve(),
    dispose: async () => undefined,
  }
  received = []
  const [near, far] = endpointPair()
  client = near
  client.onMessage((message) => received.push(message as EngineMessage))
  serve(engine, far, silentLogger)
})
afterEach(() => client.close())

const responses = () => received.filter((message) => message.type === 'response')

describe('serve', () => {
  it('sends a snapshot, then changes joined and numbered without a gap', async () => {
    targets.set(target('docker:b', 'connecting'))
    targets.set(target('docker:b', 'ready'))
    targets.delete('docker:a')
    await expect.poll(() => received.length).toBe(2)
    targets.set(target('docker:c'))
    await expect.poll(() => received.length).toBe(3)
    expect(received).toMatchObject([
      { type: 'change', version: 0, snapshot: [{ id: 'docker:a' }] },
      { type: 'change', version: 1, upserts: [{ id: 'docker:b', state: 'ready' }], removes: ['docker:a'] },
      { type: 'change', version: 2, upserts: [{ id: 'docker:c' }], removes: [] },
    ])
  })

  it('sends much in parts', async () => {
    targets.together(() => {
      for (let at = 0; at < 250; at++) targets.set(target(`docker:many-${at}`))
      targets.delete('docker:a')
    })
    await expect.poll(() => received.length).toBe(4)
    const parts = received.slice(1).flatMap((message) => (message.type === 'change' ? [message] : []))
    expect(
      parts.map(({ version, upserts, removes, more }) => [version, upserts.length, removes, more]),
    ).toEqual([
      [1, 100, ['docker:a'], true],
      [2, 100, [], true],
      [3, 50, [], undefined],
    ])
  })

  it('answers with a value or a Problem', async () => {
    call.mockResolvedValueOnce({ fine: true })
    call.mockRejectedValueOnce(
      problem({ code: 'busy', title: 'Busy', cause: 'Something runs.', remedy: 'Wait.' }),
    )
    client.post({ type: 'request', id: 1, name: 'targets.probe', input: {} })
    client.post({ type: 'request', id: 2, name: 'targets.probe', input: {} })
    await expect.poll(() => responses().length).toBe(2)
    expect(responses()).toMatchObject([
      { id: 1, result: { ok: true, value: { fine: true } } },
      { id: 2, result: { ok: false, problem: { code: 'busy' } } },
    ])
  })

  it.each([
    ['nothing', undefined],
    ['a string', 'hello'],
    ['an unknown type', { type: 'explode' }],
    ['a negative id', { type: 'request', id: -1, name: 'x', input: {} }],
    ['an extra field', { type: 'request', id: 1, name: 'x', input: {}, extra: true }],
    ['a huge name', { type: 'request', id: 1, name: 'x'.repeat(101), input: {} }],
  ])('drops %s and goes on', async (_, message) => {
    call.mockResolvedValue({})
    client.post(message)
    client.post({ type: 'request', id: 7, name: 'targets.probe', input: {} })
    await expect.poll(() => responses().length).toBe(1)
    expect(call).toHaveBeenCalledTimes(1)
  })

  it('aborts a request that the client gave up on, and all of them when the client goes', async () => {
    const signals: AbortSignal[] = []
    call.mockImplementation((_name, _input, signal: AbortSignal) => {
      signals.push(signal)
      return new Promise(() => undefined)
    })
    client.post({ type: 'request', id: 1, name: 'targets.probe', input: {} })
    client.post({ type: 'request', id: 2, name: 'targets.probe', input: {} })
    client.post({ type: 'abandon', id: 1 })
    await expect.poll(() => signals.map((signal) => signal.aborted)).toEqual([true, false])
    client.close()
    await expect.poll(() => signals.map((signal) => signal.aborted)).toEqual([true, true])
  })

  it('hands a stream its port, and closes the port of one that cannot be opened', async () => {
    const [good, goodFar] = endpointPair()
    const [bad, badFar] = endpointPair()
    let closed = false
    bad.onClose(() => {
      closed = true
    })
    open.mockImplementationOnce(() => undefined)
    open.mockImplementationOnce(() => {
      throw problem({ code: 'invalid-input', title: 'No', cause: 'No such stream.', remedy: 'Another.' })
    })
    client.post({ type: 'open', stream: 'terminal', input: { sessionId: 's' } }, [goodFar])
    client.post({ type: 'open', stream: 'nonsense', input: {} }, [badFar])
    await expect.poll(() => closed).toBe(true)
    expect(open).toHaveBeenNthCalledWith(1, 'terminal', { sessionId: 's' }, goodFar)
    good.close()
  })
})
