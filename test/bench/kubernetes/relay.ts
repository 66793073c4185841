import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Type of a TLS record, and within it of a message, by which a connection begins (RFC 8446, 5.1 and 4). */
const HANDSHAKE = 22
const CLIENT_HELLO = 1

/**
 * Stands between a client and the API server, passes on what it does not understand, and breaks it as networks do.
 */
export interface Relay {
  /** `https://127.0.0.1:<port>` */
  readonly server: string
  /** TLS handshakes that clients have begun. */
  readonly handshakes: number
  /** Ends all connections as a network does that has forgotten them: with RST. */
  reset(): void
  /** From now on nothing passes, either way, over connections that are there. New ones are not concerned. */
  freeze(): void
  /** Ends what is frozen. */
  thaw(): void
  /** Takes no connections until {@link open}: nobody listens. */
  shut(): Promise<void>
  open(): Promise<void>
  dispose(): Promise<void>
}

/** @param server `https://127.0.0.1:6443` */
export async function startRelay(server: string): Promise<Relay> {
  const { hostname, port } = new URL(server)
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket; frozen: boolean }>()
  let handshakes = 0
  const accept = (near: Socket) => {
    const far = connect({ host: hostname, port: Number(port), noDelay: true })
    near.setNoDelay(true)
    const pair = { near, far, frozen: false }
    pairs.add(pair)
    near.once('data', (first: Buffer) => {
      if (first[0] === HANDSHAKE && first[5] === CLIENT_HELLO) handshakes += 1
    })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => undefined)
      from.on('data', (chunk: Buffer) => {
        // A network that drops packets takes them from whoever sends, until its window is full.
        if (pair.frozen) return
        if (!to.write(chunk)) from.pause()
      })
      to.on('drain', () => from.resume())
      from.on('end', () => {
        if (!pair.frozen) to.end()
      })
      from.on('close', () => {
        if (pair.frozen) return
        to.destroy()
        pairs.delete(pair)
      })
    }
  }
  const end = (which: (pair: { frozen: boolean }) => boolean) => {
    for (const pair of pairs) {
      if (!which(pair)) continue
      pairs.delete(pair)
      pair.near.resetAndDestroy()
      pair.far.destroy()
    }
  }
  let listening = createServer(accept)
  const listen = (wanted: number) =>
    new Promise<number>((resolve, reject) => {
      listening = createServer(accept)
      listening.once('error', reject)
      listening.listen(wanted, '127.0.0.1', () => resolve((listening.address() as AddressInfo).port))
    })
  const stop = () => new Promise<void>((resolve) => listening.close(() => resolve()))
  const own = await listen(0)
  return {
    server: `https://127.0.0.1:${own}`,
    get handshakes() {
      return handshakes
    },
    reset: () => end(() => true),
    freeze: () => {
      for (const pair of pairs) pair.frozen = true
    },
    thaw: () => end(({ frozen }) => frozen),
    shut: async () => {
      const stopped = stop()
      end(() => true)
      await stopped
    },
    open: async () => void (await listen(own)),
    dispose: async () => {
      const stopped = stop()
      end(() => true)
      await stopped
    },
  }
}
