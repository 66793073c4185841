import type { AddressInfo, Server } from 'node:net'

/** How many numbers after the wanted one are tried before any is taken. */
const NEIGHBOURS = 20
/** How often a number that the system gave is tried, should somebody have it on ::1. */
const CHANCES = 5
/** First port that an ordinary user may listen on. */
export const UNPRIVILEGED = 1024
const LAST = 65_535

/** Somebody else has the port, or this user may not have it. */
const TAKEN = new Set(['EADDRINUSE', 'EACCES'])

/** Servers of one kind that listen on one number: on 127.0.0.1, and on ::1 where this machine has it. */
export interface Loopback<S extends Server> {
  readonly port: number
  readonly servers: readonly S[]
}

/**
 * Listens on `wanted`, else on the next number that is free, else on any. Free is a number that nobody has on
 * 127.0.0.1 nor on ::1: `localhost` means both, and half of it would lead to somebody else's program. `make` gives a
 * server that does not listen yet; `avoid` keeps neighbours for those that they are the wanted numbers of. Rejects
 * with the system's error.
 */
export async function listenNear<S extends Server>(
  make: () => S,
  wanted: number,
  avoid: (port: number) => boolean = () => false,
): Promise<Loopback<S>> {
  if (wanted >= UNPRIVILEGED) {
    for (let port = wanted; port <= Math.min(wanted + NEIGHBOURS, LAST); port += 1) {
      if (port !== wanted && avoid(port)) continue
      const found = await unlessTaken(listenOn(make, port))
      if (found) return found
    }
  }
  for (let chance = 1; chance < CHANCES; chance += 1) {
    const found = await unlessTaken(listenOn(make, 0))
    if (found) return found
  }
  return listenOn(make, 0)
}

/** The same on this very number. Rejects with the system's error, whose `address` says where it is taken. */
export async function listenOn<S extends Server>(make: () => S, wanted: number): Promise<Loopback<S>> {
  const main = make()
  await listening(main, wanted, '127.0.0.1')
  const { port } = main.address() as AddressInfo
  const twin = make()
  try {
    await listening(twin, port, '::1')
    return { port, servers: [main, twin] }
  } catch (error) {
    // Without IPv6 on this machine, localhost is 127.0.0.1 alone.
    if (!isTaken(error)) return { port, servers: [main] }
    await new Promise((resolve) => main.close(resolve))
    throw error
  }
}

function isTaken(error: unknown): boolean {
  return TAKEN.has((error as NodeJS.ErrnoException).code ?? '')
}

async function unlessTaken<T>(attempt: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt
  } catch (error) {
    if (isTaken(error)) return undefined
    throw error
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', reject)
      // After it listens, an error is about one connection that could not be accepted (EMFILE): the next may be.
      server.on('error', () => undefined)
      resolve()
    })
  })
}
