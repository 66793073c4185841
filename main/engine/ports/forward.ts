import net from 'node:net'
import type { Duplex } from 'node:stream'
import { problem } from '#contract'
import type { FirstWords } from '../link/link'
import { HeardWords } from './first-words'
import { type Loopback, listenNear, listenOn, UNPRIVILEGED } from './loopback'
import { type Carried, reset, splice } from './splice'

/** Bytes that one connection's local end may hold each way before its other end is held up. */
const HIGH_MARK = 256 * 1024

export interface ForwardOptions {
  /** The number to listen on; the next free one is taken where it cannot be had, unless `required`. */
  readonly localPort: number
  readonly required: boolean
  /** Numbers that are not taken in place of `localPort`: other forwards want them. */
  readonly avoid: (port: number) => boolean
  /** Hears of what passes over one connection: made anew for each. */
  readonly carries?: () => Carried
  readonly reach: (signal: AbortSignal, words: FirstWords) => Promise<Duplex>
}

/** A local address that reaches a port, for as long as it is not closed. */
export interface ForwardServer {
  readonly localPort: number
  /** Stops listening and cuts what goes over it. Resolves when nothing of it is left. */
  close(): Promise<void>
}

/** Listens on 127.0.0.1, and on ::1 where this machine has it; resolves once it does. Rejects with `port-busy`. */
export async function openForward(options: ForwardOptions): Promise<ForwardServer> {
  const sockets = new Set<net.Socket>()
  const onConnection = (socket: net.Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    const gone = new AbortController()
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      gone.abort()
    })
    const words = new HeardWords(socket)
    options.reach(gone.signal, words).then(
      (remote) => {
        if (socket.destroyed) {
          remote.destroy()
          return
        }
        splice(socket, remote, options.carries?.(), words)
      },
      () => reset(socket),
    )
  }

  const { port: localPort, servers } = await listenAsAsked(options, () =>
    // Read only once there is somewhere to put it.
    net.createServer({ allowHalfOpen: true, highWaterMark: HIGH_MARK }, onConnection),
  )
  const close = async () => {
    for (const socket of sockets) reset(socket)
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))))
  }
  return { localPort, close }
}

async function listenAsAsked(
  { localPort, required, avoid }: ForwardOptions,
  make: () => net.Server,
): Promise<Loopback<net.Server>> {
  if (!required) return listenNear(make, localPort, avoid)
  try {
    return await listenOn(make, localPort)
  } catch (error) {
    const { code, message, address } = error as NodeJS.ErrnoException & { address?: string }
    const at = address === '::1' ? `[::1]:${localPort}` : `127.0.0.1:${localPort}`
    throw problem(
      {
        code: code === 'EACCES' ? 'permission-denied' : 'port-busy',
        title: `Port ${localPort} of this machine cannot be used`,
        cause:
          code === 'EACCES'
            ? `This user may not listen on ports below ${UNPRIVILEGED}.`
            : `Another program on this machine already listens on ${at}.`,
        remedy: 'Stop that program, or choose another local port.',
        detail: message,
      },
      error,
    )
  }
}
