import net from 'node:net'
import type { Duplex } from 'node:stream'
import { problem } from '#contract'
import { reset, splice } from './splice'

export interface ForwardOptions {
  /** The number to listen on; another one is taken where it cannot be had, unless `required`. */
  readonly localPort: number
  readonly required: boolean
  readonly reach: (signal: AbortSignal) => Promise<Duplex>
}

/** A local address that reaches a port, for as long as it is not closed. */
export interface ForwardServer {
  readonly localPort: number
  /** Stops listening and cuts what goes over it. Resolves when nothing of it is left. */
  close(): Promise<void>
}

/** First port that an ordinary user may listen on. */
const UNPRIVILEGED = 1024

/** Listens on 127.0.0.1, and on ::1 where that can be had too; resolves once it does. Rejects with `port-busy`. */
export async function openForward(options: ForwardOptions): Promise<ForwardServer> {
  const sockets = new Set<net.Socket>()
  const ended = new AbortController()

  const onConnection = (socket: net.Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    const gone = new AbortController()
    const onEnded = () => gone.abort()
    ended.signal.addEventListener('abort', onEnded, { once: true })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      ended.signal.removeEventListener('abort', onEnded)
      gone.abort()
    })
    options.reach(gone.signal).then(
      (remote) => {
        if (socket.destroyed) {
          remote.destroy()
          return
        }
        splice(socket, remote)
      },
      () => reset(socket),
    )
  }

  const servers: net.Server[] = []
  const close = async () => {
    ended.abort()
    for (const socket of sockets) reset(socket)
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))))
  }

  const main = await listenSomewhere(options, onConnection)
  servers.push(main)
  const { port: localPort } = main.address() as net.AddressInfo
  try {
    servers.push(await listen(localPort, '::1', onConnection))
  } catch {
    // Taken there, or no IPv6 on this machine: 127.0.0.1 is the address that Berth promises.
  }
  return { localPort, close }
}

async function listenSomewhere(
  options: ForwardOptions,
  onConnection: (socket: net.Socket) => void,
): Promise<net.Server> {
  const { localPort, required } = options
  if (localPort >= UNPRIVILEGED || required) {
    try {
      return await listen(localPort, '127.0.0.1', onConnection)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (required) {
        throw problem(
          {
            code: code === 'EACCES' ? 'permission-denied' : 'port-busy',
            title: `Port ${localPort} of this machine cannot be used`,
            cause:
              code === 'EACCES'
                ? `This user may not listen on ports below ${UNPRIVILEGED}.`
                : `Another program on this machine already listens on 127.0.0.1:${localPort}.`,
            remedy: 'Stop that program, or choose another local port.',
            detail: message,
          },
          error,
        )
      }
    }
  }
  return listen(0, '127.0.0.1', onConnection)
}

/** Rejects with the system's error. */
export function listen(
  port: number,
  host: string,
  onConnection: (socket: net.Socket) => void,
): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    // Read only once there is somewhere to put it.
    const server = net.createServer({ allowHalfOpen: true }, onConnection)
    server.once('error', reject)
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', reject)
      // After it listens, an error is about one connection that could not be accepted (EMFILE): the next may be.
      server.on('error', () => undefined)
      resolve(server)
    })
  })
}
