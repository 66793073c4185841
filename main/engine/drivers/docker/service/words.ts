import type { EngineClient } from '../client'
import { QUICK } from '../container/locate'
import { readOutputs } from '../streams/output'

/** Lines of a log that go along with what went wrong. */
const LINES = 20

/** The end of what a container printed; empty where that cannot be had. */
export async function lastWords(client: EngineClient, containerId: string, lines = LINES): Promise<string> {
  try {
    const connection = await client.raw(`/containers/${containerId}/logs`, {
      query: { stdout: true, stderr: true, follow: false, tail: lines },
      signal: AbortSignal.timeout(QUICK),
    })
    const { stdout, stderr, ended } = readOutputs(connection.socket, connection.head, true)
    const parts: Buffer[] = []
    const take = async (stream: AsyncIterable<Buffer>) => {
      for await (const part of stream) parts.push(part)
    }
    await Promise.all([take(stdout), ...(stderr ? [take(stderr)] : []), ended])
    connection.socket.destroy()
    return Buffer.concat(parts).toString('utf8')
  } catch {
    return ''
  }
}
