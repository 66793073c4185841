import http from 'node:http'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { abortable, connect, connectFor, UpstreamAgent } from './upstream'

/** A connection whose other end is the test: it pushes what the app says. */
class Wire extends Duplex {
  /** Whether our side was ended. */
  taken = false
  constructor() {
    super({ allowHalfOpen: true })
    this.on('error', () => undefined)
  }
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    callback()
  }
  override _final(callback: () => void): void {
    this.taken = true
    callback()
  }
}

const wires: Wire[] = []
let agent: UpstreamAgent

beforeEach(() => {
  agent = new UpstreamAgent(async () => {
    const wire = new Wire()
    wires.push(wire)
    return wire
  }, false)
})
afterEach(() => {
  vi.useRealTimers()
  agent.destroy()
  for (const wire of wires.splice(0)) wire.destroy()
})

/** What came of a request; `text` is an answer's body. */
function ask(): Promise<string> {
  return new Promise((resolve) => {
    const request = http.get({ agent, ...abortable(new AbortController().signal) }, (response) => {
      let text = ''
      response.on('data', (piece) => {
        text += piece
      })
      response.on('end', () => resolve(text))
    })
    request.on('error', (error) => resolve(`${error.message}, ${request.reusedSocket ? 'kept' : 'new'}`))
  })
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

async function keptWire(): Promise<Wire> {
  const asked = ask()
  await vi.waitFor(() => expect(wires).toHaveLength(1))
  const wire = wires[0] as Wire
  wire.push(ANSWER)
  expect(await asked).toBe('ok')
  await vi.waitFor(() => expect(Object.values(agent.freeSockets)).toHaveLength(1))
  return wire
}

it('uses a connection again', async () => {
  const wire = await keptWire()
  const again = ask()
  setImmediate(() => wire.push(ANSWER))
  expect(await again).toBe('ok')
  expect(wires).toHaveLength(1)
})

it.each(['before', 'after'])(
  'lets no request wait on a connection that the app ended just %s it was chosen',
  async (order) => {
    const wire = await keptWire()
    // In one turn, so that nobody has heard of the end yet when the request gets its connection.
    if (order === 'before') wire.push(null)
    const asked = ask()
    if (order === 'after') wire.push(null)
    expect(await asked).toBe('socket hang up, kept')
  },
)

it('takes leave of an idle connection with an end', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const wire = await keptWire()
  vi.advanceTimersByTime(4000)
  await new Promise(setImmediate)
  expect(wire).toMatchObject({ taken: true, destroyed: false })
  expect(Object.values(agent.freeSockets)).toHaveLength(0)
  wire.push(null)
  await vi.waitFor(() => expect(wire.destroyed).toBe(true))
})

it('keeps 16 idle connections, and takes leave of those beyond', async () => {
  const asked = Array.from({ length: 20 }, ask)
  await vi.waitFor(() => expect(wires).toHaveLength(20))
  for (const wire of wires) wire.push(ANSWER)
  expect(await Promise.all(asked)).toEqual(Array(20).fill('ok'))
  await vi.waitFor(() => expect(wires.filter((wire) => wire.taken)).toHaveLength(4))
  expect(Object.values(agent.freeSockets).flat()).toHaveLength(16)
  expect(wires.some((wire) => wire.destroyed)).toBe(false)
})

it('takes leave of a connection that is used once', async () => {
  const wire = new Wire()
  const answered = new Promise((resolve) => {
    const createConnection = connectFor(async () => wire, false) as never
    http.get({ createConnection, ...abortable(new AbortController().signal) }, (response) => {
      response.resume().on('end', resolve)
    })
  })
  wire.push(ANSWER)
  await answered
  expect(wire).toMatchObject({ taken: true, destroyed: false })
  wire.push(null)
  await vi.waitFor(() => expect(wire.destroyed).toBe(true))
})

it('does not wait long for an app that does not take leave', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const wire = await keptWire()
  vi.advanceTimersByTime(4000)
  await new Promise(setImmediate)
  vi.advanceTimersByTime(2000)
  expect(wire.destroyed).toBe(true)
})

it('gives a connection up that never comes to speak TLS', async () => {
  const gone = new AbortController()
  const wire = new Wire()
  const connected = connect(async () => wire, true, gone.signal)
  await new Promise(setImmediate)
  gone.abort()
  await expect(connected).rejects.toThrow(/aborted/)
  expect(wire.destroyed).toBe(true)
})
