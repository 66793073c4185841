import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ProblemError, problem } from '#contract'
import type { Disposer } from '../../platform/disposable'
import { silentLogger } from '../../platform/logger'
import type { Platform } from '../../platform/platform'
import { enterDoor, openDoor, type Visit } from './door'

const never = new AbortController().signal
let base: string
let state: string
let doors: Disposer[]

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'berth-door-test-'))
  state = join(base, 'state')
  doors = []
})
afterEach(async () => {
  for (const close of doors) await close()
  rmSync(base, { recursive: true, force: true })
})

async function open(visit: Visit, at = state) {
  const platform = { logger: silentLogger, folders: { state: at, temporary: base } } as unknown as Platform
  doors.push(await openDoor(platform, visit))
  const names = () => readdirSync(join(at, 'gateways'))
  return { names, socket: join(at, 'gateways', names().find((name) => name.endsWith('.sock')) ?? 'none') }
}

/** Answers with what it gets, and to where it goes. */
const echo: Visit = async (host) => (socket) => {
  socket.write(`${host}: `)
  socket.pipe(socket)
}

const enter = (host: string, signal = never) => enterDoor(state, host, signal)

/** What is answered to any first bytes. */
async function answerTo(socket: string, bytes: string): Promise<string> {
  const client = connect(socket)
  client.on('error', () => undefined)
  client.write(bytes)
  return text(client)
}

describe('the door of a running Berth', () => {
  it('leads where a client asks to go, and is for nobody else', async () => {
    const { socket } = await open(echo)
    expect(statSync(socket).mode & 0o777).toBe(0o600)
    expect(statSync(join(state, 'gateways')).mode & 0o777).toBe(0o700)
    const client = (await enter('demo.berth')) as Socket
    client.end('hello')
    expect(await text(client)).toBe('demo.berth: hello')
  })

  it('has what was said right behind the first line', async () => {
    const { socket } = await open(echo)
    const client = connect({ path: socket, allowHalfOpen: true })
    client.end('{"host":"demo.berth"}\nand more')
    expect(await text(client)).toBe('{"ok":true}\ndemo.berth: and more')
  })

  it('says why it does not lead there', async () => {
    await open(() =>
      Promise.reject(problem({ code: 'not-found', title: 'No', cause: 'None.', remedy: 'Look.' })),
    )
    const said = await enter('demo.berth').catch((error: ProblemError) => error.problem)
    expect(said).toEqual({ code: 'not-found', title: 'No', cause: 'None.', remedy: 'Look.' })
  })

  it('is told where nobody waits any more', async () => {
    const seen: boolean[] = []
    const over = new AbortController()
    await open((_, signal) => {
      setImmediate(() => over.abort(new Error('enough')))
      const given = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          seen.push(true)
          reject(signal.reason)
        })
      })
      return given
    })
    const entering = enter('demo.berth', over.signal)
    await expect(entering).rejects.toThrow('enough')
    await expect.poll(() => seen).toEqual([true])
  })

  it.each([
    ['SSH itself', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['nothing', '\n'],
    ['no object', '[]\n'],
    ['a host that is no text', '{"host":5}\n'],
    ['no host', '{"host":""}\n'],
    ['more than a host', '{"host":"demo.berth","more":1}\n'],
    ['a host that is too long', `{"host":"${'x'.repeat(5_000)}"}\n`],
    ['a line that is too long', 'x'.repeat(20_000)],
  ])('does not open to %s', async (_, bytes) => {
    let visits = 0
    const { socket } = await open(async () => {
      visits += 1
      return (socket) => socket.end()
    })
    expect(await answerTo(socket, bytes)).toMatch(/^\{"problem":|^$/)
    expect(visits).toBe(0)
    // It goes on for others.
    expect(await answerTo(socket, '{"host":"demo.berth"}\n').then(() => visits, String)).toBe(1)
  })

  it('leaves nothing when it closes, and ends who is in it', async () => {
    const { names } = await open(echo)
    const client = (await enter('demo.berth')) as Socket
    client.resume()
    const ended = once(client, 'end')
    await doors.pop()?.()
    expect(names()).toEqual([])
    await ended
    client.destroy()
    expect(await enter('demo.berth')).toBeUndefined()
  })

  it('is passed over where its process is gone, and its traces are removed', async () => {
    const folder = join(state, 'gateways')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const path = join(folder, '1-gone.sock')
    writeFileSync(join(folder, '1-gone.json'), JSON.stringify({ path }))
    writeFileSync(join(folder, '2-being-written.json'), '{')
    await open(echo)
    const client = (await enter('demo.berth')) as Socket
    client.end()
    expect(await text(client)).toBe('demo.berth: ')
    expect(existsSync(join(folder, '1-gone.json'))).toBe(false)
    expect(existsSync(join(folder, '2-being-written.json'))).toBe(true)
  })

  it('is found where its folder has too long a path for a socket', async () => {
    state = join(base, 'long '.repeat(30))
    await open(echo, state)
    const client = (await enter('demo.berth')) as Socket
    client.end('hello')
    expect(await text(client)).toBe('demo.berth: hello')
  })
})
