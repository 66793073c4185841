import type { Duplex } from 'node:stream'
import { AgentFrames, agentFrame, agentMessage, FAILURE } from './agent-frames'

/** What a program in a workspace wants of the user's keys. */
export type KeysUse = 'list' | 'sign'

export interface KeysRelayOptions {
  /** Of the workspace. */
  readonly stream: Duplex
  /** Whether the user lets it, now. Never rejects. */
  readonly permit: (use: KeysUse, signal: AbortSignal) => Promise<boolean>
  /** Puts a message to the user's agent. */
  readonly ask: (body: Buffer) => Promise<Buffer>
}

/**
 * Speaks for the user's SSH agent with one program in a workspace, until that ends the stream. Keys are listed and used to
 * sign, and nothing else is passed on: none is added, removed or locked up, and no extension is told. Never rejects.
 */
export async function relayKeys({ ask, permit, stream }: KeysRelayOptions): Promise<void> {
  const over = new AbortController()
  stream.once('close', () => over.abort())
  const frames = new AgentFrames()
  try {
    // One after another: while the user decides nothing more is read.
    for await (const chunk of stream.iterator({ destroyOnReturn: false }))
      for (const body of frames.push(chunk as Buffer)) {
        const answer = await answerTo(body)
        if (!stream.write(agentFrame(answer))) await drained(stream)
      }
    stream.end()
  } catch {
    // What is no message of an agent, or a stream that broke: there is nobody to tell.
    stream.destroy()
  }

  async function answerTo(body: Buffer): Promise<Buffer> {
    const use = wanted(body)
    if (!use || !(await permit(use, over.signal))) return FAILURE
    try {
      const answer = await ask(body)
      const expected = use === 'list' ? agentMessage.identitiesAnswer : agentMessage.signResponse
      return answer[0] === expected ? answer : FAILURE
    } catch {
      return FAILURE
    }
  }
}

function wanted(body: Buffer): KeysUse | undefined {
  if (body[0] === agentMessage.requestIdentities) return body.length === 1 ? 'list' : undefined
  return body[0] === agentMessage.signRequest ? 'sign' : undefined
}

/** Rejects where the stream closes before. */
export function drained(stream: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('drain', resolve)
    stream.once('close', () => reject(new Error('the stream is closed')))
  })
}
