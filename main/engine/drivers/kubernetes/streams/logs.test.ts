import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { ApiClient, Query } from '../api'
import { fakeClient, refusal } from './fakes'
import { openLogs } from './logs'

const never = new AbortController().signal
const place = { pod: 'pod', container: 'main' }
const time = (second: number) => `2024-05-01T10:00:0${second}.000000001Z`

/** A clock whose sleeps are over at once, and move it on. */
function quickClock() {
  let now = Date.parse('2024-05-01T12:00:00Z')
  return {
    now: () => now,
    sleep: async (milliseconds: number, signal?: AbortSignal) => {
      signal?.throwIfAborted()
      now += milliseconds
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

function answer(body: string, error?: Error): IncomingMessage {
  const stream = new PassThrough()
  stream.write(body)
  if (error) setImmediate(() => stream.destroy(error))
  else stream.end()
  return Object.assign(stream, {
    headers: { date: 'Wed, 01 May 2024 10:00:09 GMT' },
  }) as unknown as IncomingMessage
}

const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })

function podIn(state: object, containerID = 'docker://a') {
  return {
    metadata: { uid: 'u' },
    status: { containerStatuses: [{ name: 'main', containerID, state }] },
  }
}

/** Serves the answers and pods in order; the last of each for ever. */
function server(answers: (() => IncomingMessage)[], pods: (() => unknown)[]) {
  const queries: Query[] = []
  const next = <T>(list: T[]) => (list.length > 1 ? list.shift() : list[0])
  const parts: Partial<ApiClient> = {
    json: async <T>() => next(pods)?.() as T,
    stream: async (_path, options) => {
      queries.push(options?.query ?? {})
      const give = next(answers)
      if (!give) throw new Error('no answer')
      return give()
    },
  }
  return { client: fakeClient(parts), queries }
}

const running = () => podIn({ running: {} })
const terminated = () => podIn({ terminated: {} })
const open = (client: ApiClient, options: { follow: boolean; tail?: number }, closed = never) =>
  openLogs({ client, clock: quickClock(), closed }, place, options, never)

describe('openLogs', () => {
  it('asks for times and takes them off', async () => {
    const { client, queries } = server([() => answer(`${time(1)} one\n${time(2)} two`)], [running])
    const logs = await open(client, { follow: false, tail: 5 })
    expect(await text(logs.stdout)).toBe('one\ntwo')
    expect(await text(logs.stderr)).toBe('')
    expect(await logs.end).toEqual({})
    expect(queries).toEqual([{ container: 'main', follow: false, timestamps: true, tailLines: 5 }])
  })

  it('says that a log which is not followed broke off', async () => {
    const { client } = server([() => answer(`${time(1)} one\n`, reset)], [running])
    const logs = await open(client, { follow: false })
    expect(await text(logs.stdout)).toBe('one\n')
    expect(await logs.end).toMatchObject({ problem: { code: 'connection-lost', detail: 'read ECONNRESET' } })
  })

  it('goes on behind the last line until the container has ended', async () => {
    const { client, queries } = server(
      [
        () => answer(`${time(1)} one\n${time(2)} two\n${time(3)} thr`, reset),
        () => answer(`${time(1)} one\n${time(2)} two\n${time(3)} three\n`),
        () => answer(`${time(2)} two\n${time(3)} three\n${time(4)} four`),
      ],
      [running, running, running, terminated],
    )
    const logs = await open(client, { follow: true })
    expect(await text(logs.stdout)).toBe('one\ntwo\nthree\nfour')
    expect(await logs.end).toEqual({})
    expect(queries.map((query) => query.sinceTime)).toEqual([
      undefined,
      '2024-05-01T10:00:01.000Z',
      '2024-05-01T10:00:02.000Z',
    ])
  })

  it('reads the rest of a container that ended while the connection was broken', async () => {
    const { client } = server(
      [() => answer(`${time(1)} one\n`, reset), () => answer(`${time(1)} one\n${time(2)} last words`)],
      [running, terminated],
    )
    const logs = await open(client, { follow: true })
    expect(await text(logs.stdout)).toBe('one\nlast words')
    expect(await logs.end).toEqual({})
  })

  it('begins where it would have begun when nothing was read yet', async () => {
    const { client, queries } = server(
      [() => answer('', reset), () => answer(`${time(1)} one\n`)],
      [running, running, terminated],
    )
    const logs = await open(client, { follow: true, tail: 0 })
    expect(await text(logs.stdout)).toBe('one\n')
    expect(queries.map(({ tailLines, sinceTime }) => [tailLines, sinceTime])).toEqual([
      [0, undefined],
      [undefined, '2024-05-01T10:00:09.000Z'],
    ])
  })

  it('is over when another container has taken its place, or the pod is gone', async () => {
    const gone = () => {
      throw refusal(404, 'pods "pod" not found', 'NotFound')
    }
    for (const next of [() => podIn({ running: {} }, 'docker://b'), gone]) {
      const { client } = server([() => answer(`${time(1)} one\n`)], [running, next])
      const logs = await open(client, { follow: true })
      expect(await text(logs.stdout)).toBe('one\n')
      expect(await logs.end).toEqual({})
    }
  })

  it('gives up with a reason when the server stays away, or the driver is closed', async () => {
    const away = () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    }
    const lost = server([() => answer(`${time(1)} one\n`, reset)], [running, away])
    const logs = await open(lost.client, { follow: true })
    logs.stdout.resume()
    expect(await logs.end).toMatchObject({
      problem: { code: 'connection-lost', detail: 'connect ECONNREFUSED' },
    })
    const closed = new AbortController()
    const followed = server([() => answer(`${time(1)} one\n`, reset)], [running])
    const other = await open(followed.client, { follow: true }, closed.signal)
    other.stdout.resume()
    closed.abort()
    expect(await other.end).toMatchObject({ problem: { code: 'connection-lost' } })
  })

  it('ends without a reason when it is destroyed, and rejects when there is no pod', async () => {
    const { client } = server([() => answer(`${time(1)} one\n`, reset)], [running])
    const logs = await open(client, { follow: true })
    logs.destroy()
    expect(await logs.end).toEqual({})
    const missing = fakeClient({ stream: () => Promise.reject(refusal(404, 'no', 'NotFound')) })
    await expect(open(missing, { follow: false })).rejects.toMatchObject({
      problem: { code: 'workspace-not-running' },
    })
  })
})
