import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { AgentFrameError, AgentFrames, agentFrame, LONGEST_FRAME } from './agent-frames'
import { relayKeys } from './keys-relay'
import { pair } from './stream-pair.suite'

describe('messages of an SSH agent', () => {
  it('are taken out of any pieces', () => {
    const bodies = [Buffer.from([11]), Buffer.alloc(70_000, 13), Buffer.from([5])]
    const bytes = Buffer.concat(bodies.map(agentFrame))
    for (const size of [1, 3, 64, 65_536, bytes.length]) {
      const frames = new AgentFrames()
      const taken: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size)
        taken.push(...frames.push(bytes.subarray(at, at + size)))
      expect(taken.map((body) => body.length)).toEqual([1, 70_000, 1])
    }
  })

  it.each([0, LONGEST_FRAME + 1, 0xffff_ffff])('are not of a length of %d', (length) => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(length)
    expect(() => new AgentFrames().push(head)).toThrow(AgentFrameError)
  })
})

describe('the way to the keys', () => {
  /** Sends messages and resolves with the types of the answers. */
  async function talk(
    bodies: readonly (readonly number[])[],
    options: {
      readonly permit?: (use: string) => Promise<boolean>
      readonly ask?: (body: Buffer) => Promise<Buffer>
    } = {},
  ) {
    const [near, far] = pair()
    const asked: number[] = []
    const over = relayKeys({
      stream: far,
      permit: options.permit ?? (async () => true),
      ask: async (body) => {
        asked.push(body[0] ?? 0)
        return options.ask ? options.ask(body) : Buffer.from([(body[0] ?? 0) + 1])
      },
    })
    const output = new PassThrough()
    near.pipe(output)
    near.end(Buffer.concat(bodies.map((body) => agentFrame(Buffer.from(body)))))
    await over
    const frames = new AgentFrames()
    const types: (number | undefined)[] = []
    for await (const chunk of output) types.push(...frames.push(chunk as Buffer).map((body) => body[0]))
    return { types, asked }
  }

  it('lets lists and signatures through, and nothing else', async () => {
    const { types, asked } = await talk([
      [11],
      [13, 1, 2],
      [17, 1],
      [18],
      [19],
      [20],
      [22],
      [25],
      [27, 0],
      [11, 1],
    ])
    expect(types).toEqual([12, 14, 5, 5, 5, 5, 5, 5, 5, 5])
    expect(asked).toEqual([11, 13])
  })

  it('asks the user for each, and the agent for none that is denied', async () => {
    const uses: string[] = []
    const permit = async (use: string) => {
      uses.push(use)
      return use === 'list'
    }
    expect(await talk([[11], [13]], { permit })).toEqual({ types: [12, 5], asked: [11] })
    expect(uses).toEqual(['list', 'sign'])
  })

  it('says that it failed where the agent says anything else, or nothing', async () => {
    expect((await talk([[11], [13]], { ask: async () => Buffer.from([6, 1]) })).types).toEqual([5, 5])
    const ask = async () => {
      throw new Error('gone')
    }
    expect((await talk([[11]], { ask })).types).toEqual([5])
  })
})
