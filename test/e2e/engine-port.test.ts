import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ENGINE_PORT_MESSAGE } from '#contract/channels'
import { requests } from '#contract/requests'
import { PATIENCE } from '../harness/bounds'
import { pictureFailures } from './failure-picture'
import { askMain, type BerthApp, launchBerth } from './launch'

/** What the tests put on the page's `window`. */
interface Bench {
  post(message: unknown, withPort?: boolean): MessagePort | undefined
  /** How long what must come is waited for, milliseconds. */
  readonly patience: number
  /** The result of a request of the given name; rejects where none comes. */
  request(name: unknown, input: unknown): Promise<{ ok: boolean; problem?: { code: string } }>
}
declare global {
  interface Window {
    bench: Bench
  }
}

let berth: BerthApp
pictureFailures(() => berth)
let enginePid: number

const engineProcess = () =>
  askMain(berth, ({ app }) => app.getAppMetrics().find(({ name }) => name === 'Berth engine')?.pid ?? 0)

beforeAll(async () => {
  berth = await launchBerth()
  await berth.page.evaluate(
    async ([portMessage, patience]) => {
      const port = await new Promise<MessagePort>((resolve) => {
        window.addEventListener('message', (event) => {
          if (event.data === portMessage && event.ports[0]) resolve(event.ports[0])
        })
        void window.berth.shell.call('shell.connectEngine', {})
      })
      const waiting = new Map<unknown, (result: { ok: boolean }) => void>()
      port.addEventListener('message', ({ data }) => {
        if (data.type === 'response') waiting.get(data.id)?.(data.result)
      })
      port.start()
      // Far above the numbers that the page itself uses on the same port.
      let id = 1_000_000
      window.bench = {
        patience,
        post(message, withPort = false) {
          if (!withPort) {
            port.postMessage(message)
            return undefined
          }
          const { port1, port2 } = new MessageChannel()
          port.postMessage(message, [port2])
          return port1
        },
        request: (name, input) =>
          new Promise((resolve, reject) => {
            const mine = id++
            const timer = setTimeout(() => reject(new Error(`no answer to ${String(name)}`)), patience)
            waiting.set(mine, (result) => {
              clearTimeout(timer)
              resolve(result)
            })
            port.postMessage({ type: 'request', id: mine, name, input })
          }),
      }
    },
    [ENGINE_PORT_MESSAGE, PATIENCE] as const,
  )
  enginePid = await engineProcess()
  expect(enginePid).toBeGreaterThan(0)
})
afterAll(() => berth?.close())

/** The engine goes on: the same process still answers a sound request. */
async function expectAlive(): Promise<void> {
  const answer = await berth.page.evaluate(() =>
    window.bench.request('sources.parse', { text: 'https://example.com/owner/demo.git' }),
  )
  expect(answer).toMatchObject({ ok: true, value: { name: 'demo' } })
  expect(await engineProcess()).toBe(enginePid)
}

describe('what is no message', () => {
  it('is dropped, and the engine goes on', async () => {
    await berth.page.evaluate(() => {
      const deep: unknown[] = []
      let innermost = deep
      for (let depth = 0; depth < 400; depth += 1) {
        const inner: unknown[] = []
        innermost.push(inner)
        innermost = inner
      }
      const cycle: Record<string, unknown> = { type: 'request', id: 2_000_000, name: 'doctor.run' }
      cycle.input = cycle
      const messages: unknown[] = [
        undefined,
        null,
        0,
        Number.NaN,
        true,
        'request',
        'x'.repeat(20_000_000),
        7n,
        [],
        {},
        new Date(),
        /x/,
        new Map([['type', 'request']]),
        new Set(),
        new Uint8Array(1_000_000),
        new Error('x'),
        deep,
        { type: 'request' },
        { type: 'request', id: -1, name: 'doctor.run', input: {} },
        { type: 'request', id: 1.5, name: 'doctor.run', input: {} },
        { type: 'request', id: Number.NaN, name: 'doctor.run', input: {} },
        { type: 'request', id: '1', name: 'doctor.run', input: {} },
        { type: 'request', id: 2 ** 60, name: 'doctor.run', input: {} },
        { type: 'request', id: 1, name: 'x'.repeat(101), input: {} },
        { type: 'request', id: 1, name: {}, input: {} },
        { type: 'request', id: 1, name: 'doctor.run', input: {}, extra: 1 },
        { type: '__proto__', id: 1 },
        { type: 'constructor' },
        { type: 'abandon' },
        { type: 'abandon', id: 'x' },
        { type: 'abandon', id: 999_999_999 },
        { type: 'open', stream: 'terminal' },
        { type: 'open', stream: 7, input: {} },
        { type: 'response', id: 1, result: { ok: true } },
        { type: 'change', collection: 'targets', version: 0, upserts: [], removes: [] },
        cycle,
      ]
      for (const message of messages) window.bench.post(message)
    })
    await expectAlive()
  })

  it.each([
    ['a stream that there is not', { type: 'open', stream: 'nothing', input: {} }],
    ['a name of the prototype', { type: 'open', stream: 'constructor', input: {} }],
    ['a stream with wrong input', { type: 'open', stream: 'terminal', input: { sessionId: 1 } }],
    [
      'a terminal that there is not',
      { type: 'open', stream: 'terminal', input: { sessionId: 'x', columns: 80, rows: 24 } },
    ],
    [
      'logs of a workspace that there is not',
      { type: 'open', stream: 'logs', input: { workspaceId: 'aaaaaaaaaa', follow: true } },
    ],
    ['no message at all', 'x'],
    ['a request with a port', { type: 'request', id: 1, name: 'x', input: {} }],
  ])('%s: the port that came along is told so or closed', async (_what, message) => {
    const closed = await berth.page.evaluate(
      (sent) =>
        new Promise<boolean>((resolve) => {
          const port = window.bench.post(sent, true)
          port?.addEventListener('close', () => resolve(true))
          port?.addEventListener('message', ({ data }) => resolve(data.type === 'end'))
          port?.start()
          setTimeout(() => resolve(false), window.bench.patience)
        }),
      message,
    )
    expect(closed).toBe(true)
    await expectAlive()
  })
})

describe('requests that do not fit', () => {
  it.each([
    'nothing',
    '',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'workspaces',
    'workspaces.',
  ])('the name %j is refused', async (name) => {
    const answer = await berth.page.evaluate((asked) => window.bench.request(asked, {}), name)
    expect(answer).toMatchObject({ ok: false, problem: { code: 'invalid-input' } })
  })

  it.each(Object.keys(requests))('%s takes only its own input', async (name) => {
    const answers = await berth.page.evaluate(async (asked) => {
      const inputs: unknown[] = [
        undefined,
        null,
        7,
        'x',
        [],
        [{}],
        true,
        { unknownField: 1 },
        new Uint8Array(3),
        { workspaceId: '../../etc', operationId: 7, sessionId: {}, targetId: [], text: 7, unknownField: 1 },
        { workspaceId: 'aaaaaaaaaa', port: 70_000, columns: -1, rows: 1e9, unknownField: 1 },
        JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
      ]
      return Promise.all(inputs.map((input) => window.bench.request(asked, input)))
    }, name)
    for (const answer of answers)
      expect(answer).toMatchObject({ ok: false, problem: { code: 'invalid-input' } })
  })

  it('leave the engine as it was', expectAlive)
})
