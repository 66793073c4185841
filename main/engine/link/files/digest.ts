import { problem } from '#contract'
import { SftpFailure } from '../sftp/client'
import { status, uint64 } from '../sftp/protocol'
import { OpenRefused, openFailure, type SshConnection, SshProtocolError, Writer } from '../ssh/connection'
import type { FileDigest } from './session'

const ANSWER_LIMIT = 16 * 1024
const problems: Readonly<Record<string, number>> = {
  'not-found': status.noSuchFile,
  'not-permitted': status.permissionDenied,
}

/**
 * Asks the agent for the SHA-256 of a file's first bytes (PROTOCOL.md, `digest@berth.dev`). Undefined where it does not
 * know how. Rejects with `SftpFailure`, `ConnectionLost` or the signal's reason.
 */
export async function digestByAgent(
  connection: SshConnection,
  path: Buffer,
  length: number,
  signal: AbortSignal,
): Promise<FileDigest | undefined> {
  const extra = new Writer().string(path).raw(uint64(length)).done()
  let text = ''
  try {
    const channel = await connection.open('digest@berth.dev', extra, signal)
    const giveUp = () => channel.destroy(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    channel.stderr.resume()
    try {
      for await (const piece of channel) {
        text += piece
        if (text.length > ANSWER_LIMIT) throw new SshProtocolError('a digest without an end')
      }
    } finally {
      signal.removeEventListener('abort', giveUp)
      channel.destroy()
    }
  } catch (error) {
    if (error instanceof OpenRefused && error.reason === openFailure.unknownType) return undefined
    if (!(error instanceof OpenRefused)) throw error
    throw problem({
      code: 'connection-lost',
      title: 'A file could not be compared',
      cause: 'The workspace has too much to do at once.',
      remedy: 'Try again.',
      detail: error.message,
    })
  }
  return parse(text)
}

function parse(text: string): FileDigest {
  let told: { sha256?: unknown; size?: unknown; problem?: unknown; message?: unknown } | null
  try {
    told = JSON.parse(text)
  } catch {
    throw new SshProtocolError('a digest that is no JSON')
  }
  const { sha256, size } = told ?? {}
  if (typeof told?.problem === 'string')
    throw new SftpFailure(problems[told.problem] ?? status.failure, String(told.message ?? ''))
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256) || typeof size !== 'number')
    throw new SshProtocolError('a digest that is none')
  return { sha256, size }
}
