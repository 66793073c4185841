import { problem } from '#contract'
import { type Channel, OpenRefused, openFailure, type SshConnection, Writer } from '../ssh/connection'

/** What the agent says where nothing listens (PROTOCOL.md, `direct-tcpip`). */
const REFUSED = 'refused'

/**
 * A connection to `localhost:port` in the workspace: 127.0.0.1, then ::1 (RFC 4254, section 7.2). Rejects with a
 * `ProblemError` of code `port-refused`, with `ConnectionLost`, or with the signal's reason.
 */
export async function dialByAgent(
  connection: SshConnection,
  port: number,
  signal: AbortSignal,
): Promise<Channel> {
  try {
    const channel = await connection.open(
      'direct-tcpip',
      new Writer().string('localhost').uint32(port).string('127.0.0.1').uint32(0).done(),
      signal,
    )
    // Nothing comes of it, and it must hold nothing up.
    channel.stderr.resume()
    return channel
  } catch (error) {
    if (!(error instanceof OpenRefused)) throw error
    if (error.reason === openFailure.connectFailed && error.message === REFUSED) {
      throw problem({
        code: 'port-refused',
        title: `Nothing listens on port ${port}`,
        cause: `The workspace refused a connection to localhost:${port}.`,
        remedy: 'Start the app in the workspace, or check which port it uses.',
      })
    }
    throw problem({
      code: 'connection-lost',
      title: `Port ${port} cannot be reached`,
      cause: `A connection to localhost:${port} could not be made in the workspace, although something may listen there.`,
      remedy:
        'Try again. The app may not accept connections any more, or the workspace may have too many files open.',
      detail: error.message,
    })
  }
}
