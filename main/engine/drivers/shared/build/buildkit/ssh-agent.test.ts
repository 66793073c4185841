import { describe, expect, it } from 'vitest'
import { AgentRequests } from './ssh-agent'

const frame = (type: number, body = '') => {
  const bytes = Buffer.alloc(5 + body.length)
  bytes.writeUInt32BE(1 + body.length, 0)
  bytes[4] = type
  bytes.write(body, 5)
  return bytes
}

describe('requests of a build to an SSH agent', () => {
  it('are let through where they list keys or sign, in whatever pieces they come', () => {
    const all = Buffer.concat([frame(11), frame(19), frame(13, 'data'), frame(25, 'add'), frame(27, 'x')])
    const requests = new AgentRequests()
    const found = [...all].flatMap((byte) => requests.take(Buffer.from([byte])))
    expect(found.map(({ frame: bytes, isAllowed }) => [bytes[4], isAllowed])).toEqual([
      [11, true],
      [19, false],
      [13, true],
      [25, false],
      [27, false],
    ])
  })

  it.each([[0], [2 ** 20], [2 ** 32 - 1]])('of %d bytes are none', (length) => {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32BE(length, 0)
    expect(() => new AgentRequests().take(bytes)).toThrow('no request')
  })
})
