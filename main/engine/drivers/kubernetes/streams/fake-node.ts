import { systemClock } from '../../../platform/clock'
import { silentLogger } from '../../../platform/logger'
import type { ApiClient } from '../api'
import { FakeSession, type FakeStream, fakeClient, refusal } from './fakes'
import { createDialer, type DialerDependencies, type ForwardProtocol } from './port-forward'
import { ProtocolMemory } from './protocols'

/** For tests: nodes that forward ports, in memory. */

export interface Pair {
  readonly port: number
  readonly data: FakeStream
  readonly error: FakeStream
}

/** A node: calls `connect` for each pair of streams, as a kubelet begins to connect. */
export function node(connect: (pair: Pair) => void) {
  const sessions: FakeSession[] = []
  const spdy = async () => {
    const waiting = new Map<string, FakeStream>()
    const session = new FakeSession((stream) => {
      const { requestID = '', port, streamType } = stream.headers
      const other = waiting.get(requestID)
      if (!other) {
        waiting.set(requestID, stream)
        return
      }
      const [data, error] = streamType === 'data' ? [stream, other] : [other, stream]
      connect({ port: Number(port), data, error })
    })
    sessions.push(session)
    return session
  }
  return { sessions, spdy }
}

export const refuse = ({ port, data, error }: Pair) => {
  error.push(`error forwarding port ${port}: dial tcp4 127.0.0.1:${port}: connect: connection refused`)
  error.push(null)
  data.push(null)
}
export const end = ({ data, error }: Pair) => {
  error.push(null)
  data.push(null)
}

/** A dialer whose node is among `parts`. */
export function dialerOf(parts: Partial<ApiClient>, more: Partial<DialerDependencies> = {}) {
  return createDialer({
    client: fakeClient({
      spdyOverWebSocket: () => Promise.reject(refusal(400, 'no such upgrade')),
      ...parts,
    }),
    logger: silentLogger,
    clock: systemClock,
    protocols: new ProtocolMemory<ForwardProtocol>(),
    ...more,
  })
}

/** Handles ports on which a test's apps listen, and refuses all others. */
export const listening = (handle: (pair: Pair) => void) => (pair: Pair) => {
  if (pair.port >= 1024 && pair.port < 9000) handle(pair)
  else refuse(pair)
}
