import type { Duplex } from 'node:stream'
import {
  type Channel,
  OpenRefused,
  openFailure,
  Reader,
  RequestRefused,
  type SshConnection,
  Writer,
} from '../ssh/connection'

/** The program that asks, by what the workspace says of it: for a person, and to be believed by nobody. */
export interface Asker {
  readonly process: string
  readonly command: string
}

/** What git says to a credential helper (gitcredentials(7)). */
export interface GitAsk extends Asker {
  readonly operation: string
  /** Lines of `key=value`, as they came: at most 16 KiB of anything. */
  readonly text: Buffer
}

/** What gpg is to sign with. */
export interface SignAsk extends Asker {
  /** Which key, in any form that gpg takes for a user's (gpg(1), "HOW TO SPECIFY A USER ID"). */
  readonly key: string
}

export interface GitAnswer {
  /** Lines for git, or gpg; absent: none. */
  readonly text?: Buffer
  /** A sentence for who waits in the workspace. */
  readonly message?: string
}

/** Answers for the user of this machine. */
export interface CredentialLender {
  /**
   * What answers a question of git. Rejects with a {@link NotLent} where nobody here can: another machine is asked then.
   * The signal of the answer aborts when git has gone.
   */
  git(ask: GitAsk): Promise<(signal: AbortSignal) => Promise<GitAnswer>>
  /** What speaks for an SSH agent on a stream of its own. Rejects likewise. */
  ssh(asker: Asker): Promise<(stream: Duplex) => void>
  /**
   * What answers with the public key for a signature, which is let through until the signal of the answer aborts: then
   * who asked has ended. Rejects likewise.
   */
  gpgKey(ask: SignAsk): Promise<(signal: AbortSignal) => Promise<GitAnswer>>
  /** What speaks for a gpg agent on a stream of its own. Rejects likewise. */
  gpg(asker: Asker): Promise<(stream: Duplex) => void>
}

/** Nobody is here who could answer; the message says why, for who waits in the workspace. */
export class NotLent extends Error {}

const GIT = 'git-credential@berth.dev'
const SSH = 'ssh-agent@berth.dev'
const GPG_KEY = 'gpg-key@berth.dev'
const GPG = 'gpg-agent@berth.dev'
/** Most that a channel of git's may bring, in bytes: PROTOCOL.md, and some for the length of each. */
const LARGEST_ASK = 20 * 1024
/** Most that is shown of a program, in characters. */
const LONGEST_NAME = 64
const LONGEST_COMMAND = 300

/**
 * Offers a lender to the agent at the other end (PROTOCOL.md, `credentials@berth.dev`). Resolves also where that knows of
 * no such thing. Rejects with `ConnectionLost`.
 */
export async function offerCredentials(connection: SshConnection, lender: CredentialLender): Promise<void> {
  connection.take(GIT, async (extra) => {
    const ask = parseGitAsk(extra)
    const answer = await lent(lender.git(ask))
    return (channel) => void answerOn(channel, answer, { held: false })
  })
  connection.take(GPG_KEY, async (extra) => {
    const ask = parseSignAsk(extra)
    const answer = await lent(lender.gpgKey(ask))
    return (channel) => void answerOn(channel, answer, { held: true })
  })
  const takeStreams = (type: string, serving: (asker: Asker) => Promise<(stream: Duplex) => void>) =>
    connection.take(type, async (extra) => {
      const serve = await lent(serving(parseAsker(new Reader(extra))))
      return (channel) => {
        channel.stderr.resume()
        serve(channel)
      }
    })
  takeStreams(SSH, (asker) => lender.ssh(asker))
  takeStreams(GPG, (asker) => lender.gpg(asker))
  try {
    await connection.request('credentials@berth.dev', offer(['git', 'ssh', 'gpg']))
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error
  }
}

/** Takes the offer back. Never rejects. */
export async function withdrawCredentials(connection: SshConnection): Promise<void> {
  await connection.request('credentials@berth.dev', offer([])).catch(() => undefined)
}

const offer = (kinds: readonly string[]) => new Writer().string(JSON.stringify({ kinds })).done()

async function lent<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    if (error instanceof NotLent) throw new OpenRefused(openFailure.connectFailed, error.message)
    throw error
  }
}

/** Throws where it is none: the channel is refused then. */
export function parseGitAsk(extra: Buffer): GitAsk {
  if (extra.length > LARGEST_ASK) throw new OpenRefused(openFailure.shortage, 'too long')
  const reader = new Reader(extra)
  const operation = reader.text()
  const text = reader.string()
  return { operation, text, ...parseAsker(reader) }
}

function parseSignAsk(extra: Buffer): SignAsk {
  if (extra.length > LARGEST_ASK) throw new OpenRefused(openFailure.shortage, 'too long')
  const reader = new Reader(extra)
  const key = reader.text()
  return { key, ...parseAsker(reader) }
}

/** The name and the command line of a program; what could steer a terminal or hide a part of it is left out. */
function parseAsker(reader: Reader): Asker {
  const plain = (text: string, length: number) =>
    text
      .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, ' ')
      // A password in a URL is not for a screen.
      .replace(/(\w+:\/\/)[^/@\s]+@/g, '$1')
      .slice(0, length)
  return { process: plain(reader.text(), LONGEST_NAME), command: plain(reader.text(), LONGEST_COMMAND) }
}

/** One that is held stays open after its answer until the other end closes it. */
async function answerOn(
  channel: Channel,
  answer: (signal: AbortSignal) => Promise<GitAnswer>,
  { held }: { readonly held: boolean },
): Promise<void> {
  const gone = new AbortController()
  void channel.over.then(() => gone.abort())
  channel.resume()
  channel.stderr.resume()
  try {
    const { message, text } = await answer(gone.signal)
    if (message !== undefined) channel.tell(message)
    channel.end(text ?? Buffer.alloc(0))
    if (!held || text === undefined) channel.once('finish', () => channel.destroy())
  } catch {
    // Whoever answers tells what went wrong by a message; what is left is that who asked has gone.
    channel.destroy()
  }
}
