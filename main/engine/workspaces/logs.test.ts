import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { HIGH_WATER, LOW_WATER, problem, type StreamDown } from '#contract'
import type { Driver } from '../drivers/driver'
import { silentLogger } from '../platform/logger'
import type { MessageEndpoint } from '../platform/message-port'
import { serveLogs } from './logs'

const input = { workspaceId: 'abcdefghij', follow: true }

function endpoint() {
  const sent: StreamDown<'logs'>[] = []
  let message: (message: unknown, ports: readonly MessageEndpoint[]) => void = () => undefined
  let close: () => void = () => undefined
  const state = { closed: false }
  const port: MessageEndpoint = {
    post: (value) => sent.push(value as StreamDown<'logs'>),
    onMessage: (listener) => {
      message = listener
      return () => undefined
    },
    onClose: (listener) => {
      close = listener
      return () => undefined
    },
    close: () => {
      state.closed = true
      close()
    },
  }
  const bytes = () => sent.reduce((sum, each) => sum + (each.type === 'data' ? each.data.length : 0), 0)
  return { port, sent, state, bytes, send: (value: unknown) => message(value, []) }
}

function source() {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  let destroyed = false
  const driver = {
    logs: async () => ({
      stdout,
      stderr,
      end: Promise.resolve({}),
      destroy: () => {
        destroyed = true
        stdout.destroy()
        stderr.destroy()
      },
    }),
  } as Pick<Driver, 'logs'> as Driver
  return { driver, stdout, stderr, destroyed: () => destroyed }
}

it('sends both channels, waits for acknowledgements, and ends', async () => {
  const { driver, stdout, stderr, destroyed } = source()
  const client = endpoint()
  serveLogs(input, driver, client.port, silentLogger)
  const total = 2_000_000
  void stdout.write(Buffer.alloc(total / 2, 1))
  void stderr.write(Buffer.alloc(total / 2, 2))
  await expect.poll(client.bytes).toBeGreaterThanOrEqual(HIGH_WATER)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const held = client.bytes()
  expect(held).toBeLessThan(HIGH_WATER + 3 * 64 * 1024)
  let acknowledged = 0
  stdout.end()
  stderr.end()
  await expect
    .poll(
      () => {
        client.send({ type: 'ack', bytes: client.bytes() - acknowledged })
        acknowledged = client.bytes()
        return client.sent.at(-1)?.type
      },
      { interval: 5 },
    )
    .toBe('end')
  expect(client.bytes()).toBe(total)
  expect(destroyed()).toBe(true)
  expect(LOW_WATER).toBeLessThan(HIGH_WATER)
})

it('closes on a message that is none, and lets go when the client does', async () => {
  for (const leave of [
    (client: ReturnType<typeof endpoint>) => client.send({ type: 'ack', bytes: -1 }),
    (client: ReturnType<typeof endpoint>) => client.send('nonsense'),
    (client: ReturnType<typeof endpoint>) => client.port.close(),
  ]) {
    const { driver, stdout, destroyed } = source()
    const client = endpoint()
    serveLogs(input, driver, client.port, silentLogger)
    stdout.write('x')
    await expect.poll(client.bytes).toBe(1)
    leave(client)
    expect(client.state.closed).toBe(true)
    await expect.poll(destroyed).toBe(true)
  }
})

it('says why there are none', async () => {
  const client = endpoint()
  serveLogs(input, undefined, client.port, silentLogger)
  expect(client.sent).toEqual([{ type: 'end', message: 'There is no such workspace.' }])
  const failing = endpoint()
  const driver = {
    logs: () =>
      Promise.reject(
        problem({ code: 'workspace-gone', title: 'Gone', cause: 'It was removed.', remedy: 'None.' }),
      ),
  } as Pick<Driver, 'logs'> as Driver
  serveLogs(input, driver, failing.port, silentLogger)
  await expect.poll(() => failing.sent).toEqual([{ type: 'end', message: 'Gone: It was removed.' }])
})
