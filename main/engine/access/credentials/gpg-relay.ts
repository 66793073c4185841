import type { Duplex } from 'node:stream'
import { AssuanLines, assuanFailure, verbOf } from './assuan'
import { drained, type KeysUse } from './keys-relay'

export interface GpgRelayOptions {
  /** Of the workspace. */
  readonly stream: Duplex
  /** Whether the user lets it, now. Never rejects. */
  readonly permit: (use: KeysUse, signal: AbortSignal) => Promise<boolean>
  /** Puts a line, without its end, to the user's agent. */
  readonly ask: (line: Buffer) => Promise<Buffer>
}

const GREETING = Buffer.from('OK Pleased to meet you\n')
const OK = Buffer.from('OK\n')

/** What a line is good for: for nothing to be asked about, for a look at keys, or a signature. Others are refused. */
const uses: ReadonlyMap<string, 'free' | KeysUse> = new Map([
  ['RESET', 'free'],
  ['GETINFO', 'free'],
  ['HAVEKEY', 'list'],
  ['KEYINFO', 'list'],
  ['READKEY', 'list'],
  ['SIGKEY', 'list'],
  ['SETKEY', 'list'],
  ['SETKEYDESC', 'list'],
  ['SETHASH', 'list'],
  ['PKSIGN', 'sign'],
])
/** Of GETINFO: what a client asks of the agent itself (gpg-agent, "GETINFO"). */
const harmlessInfo = /^GETINFO (version|restricted|cmd_has [a-z]+)$/i

/**
 * Speaks for the user's gpg agent with one gpg in a workspace, until that ends the stream. It signs, and nothing else:
 * nothing is decrypted, made, changed or exported, and options, which are about the other side's terminal, go nowhere.
 * Never rejects.
 */
export async function relayGpg({ ask, permit, stream }: GpgRelayOptions): Promise<void> {
  const over = new AbortController()
  stream.once('close', () => over.abort())
  const lines = new AssuanLines()
  const say = async (answer: Buffer) => {
    if (!stream.write(answer)) await drained(stream)
  }
  try {
    await say(GREETING)
    for await (const chunk of stream.iterator({ destroyOnReturn: false }))
      for (const line of lines.push(chunk as Buffer)) {
        await say(await answerTo(line))
        if (verbOf(line).toUpperCase() === 'BYE') return void stream.end()
      }
    stream.end()
  } catch {
    // What is no line, or a stream that broke: there is nobody to tell.
    stream.destroy()
  }

  async function answerTo(line: Buffer): Promise<Buffer> {
    const verb = verbOf(line).toUpperCase()
    if (verb === 'OPTION' || verb === 'NOP' || verb === 'BYE') return OK
    const use = uses.get(verb)
    if (!use || (verb === 'GETINFO' && !harmlessInfo.test(line.toString('latin1'))))
      return assuanFailure.forbidden
    if (use !== 'free' && !(await permit(use, over.signal))) return assuanFailure.cancelled
    try {
      return await ask(line)
    } catch {
      return assuanFailure.noAgent
    }
  }
}
