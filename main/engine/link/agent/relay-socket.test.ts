import { expect, it, vi } from 'vitest'
import { RequestRefused, type SshConnection } from '../ssh/connection'
import { isUnanswered, relaySocketOf } from './relay-socket'

const secret = '0123456789abcdef'.repeat(4)
const told = { path: '/tmp/berth-agent-0/relay.sock', pid: 7, key: secret, proof: secret }

function agent(
  answer: () => Promise<string>,
): SshConnection & { readonly request: ReturnType<typeof vi.fn> } {
  const request = vi.fn(async () => {
    const text = await answer()
    return { text: () => text }
  })
  return { request } as unknown as SshConnection & { readonly request: typeof request }
}

it('is what the agent says, asked once', async () => {
  const connection = agent(async () => JSON.stringify(told))
  expect(await relaySocketOf(connection)).toEqual(told)
  expect(await relaySocketOf(connection)).toEqual(told)
  expect(connection.request).toHaveBeenCalledTimes(1)
})

it('is none where the agent knows of none, or says what is none', async () => {
  expect(await relaySocketOf(agent(() => Promise.reject(new RequestRefused('no'))))).toBeUndefined()
  const words = [
    'nonsense',
    'null',
    JSON.stringify({ ...told, path: 1 }),
    JSON.stringify({ ...told, pid: 1.5 }),
    JSON.stringify({ ...told, key: 'short' }),
    JSON.stringify({ ...told, proof: `${secret}\n` }),
  ]
  for (const word of words) expect(await relaySocketOf(agent(async () => word))).toBeUndefined()
})

it('is none for now where the agent takes its time, and comes when it has said it', async () => {
  let say: (text: string) => void = () => undefined
  const connection = agent(
    () =>
      new Promise((resolve) => {
        say = resolve
      }),
  )
  expect(await relaySocketOf(connection)).toBeUndefined()
  expect(isUnanswered(connection)).toBe(true)
  say(JSON.stringify(told))
  expect(await relaySocketOf(connection)).toEqual(told)
  expect(isUnanswered(connection)).toBe(false)
})
