import { randomBytes } from 'node:crypto'
import { performServerHandshake } from 'node:http2'
import { type Method, serveGrpc, unary } from '../../../shared/build/buildkit/grpc'
import { writeMessage } from '../../../shared/build/buildkit/protobuf'
import type { EngineClient } from '../../client'

/** What BuildKit asks this machine during a build, over a connection that Berth opens and BuildKit speaks first on. */
export interface BuildSession {
  /** What a build names it by. */
  readonly id: string
  /** Ends with the connection, however that ends. */
  close(): void
}

/** Health of a gRPC server (grpc.health.v1): `SERVING`. */
const healthy: Method = unary(() => writeMessage([[1, 1]]))

/**
 * Opens a session (Engine API, "POST /session"; moby/buildkit, session): HTTP/2 on a connection that was taken over,
 * on which this side is the server. Rejects with the raw error, as the client's methods do.
 */
export async function openSession(
  client: EngineClient,
  methods: ReadonlyMap<string, Method>,
  signal: AbortSignal,
): Promise<BuildSession> {
  const id = randomBytes(16).toString('hex')
  const served = new Map([...methods, ['/grpc.health.v1.Health/Check', healthy]])
  const { socket, head } = await client.upgrade('/session', {
    headers: {
      'x-docker-expose-session-uuid': id,
      'x-docker-expose-session-name': 'berth',
      'x-docker-expose-session-sharedkey': '',
      'x-docker-expose-session-grpc-method': [...served.keys()],
    },
    upgrade: 'h2c',
    signal,
  })
  if (head.length > 0) socket.unshift(head)
  const session = performServerHandshake(socket)
  serveGrpc(session, served)
  return {
    id,
    close: () => {
      session.destroy()
      socket.destroy()
    },
  }
}
