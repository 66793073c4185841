import { connect, createServer, type Server, type Socket } from 'node:net'

/** Passes connections on to a server, until they are all cut at once, as a network would that goes away. */
export class CuttingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** How often connections were cut that were there. */
  cuts = 0

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(target: URL): Promise<CuttingProxy> {
    const server = createServer()
    const proxy = new CuttingProxy(server)
    server.on('connection', (near) => {
      const far = connect(Number(target.port), target.hostname)
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        proxy.#sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          proxy.#sockets.delete(socket)
          other.destroy()
        })
        socket.pipe(other)
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return `https://127.0.0.1:${address.port}`
  }

  cut(): void {
    if (this.#sockets.size > 0) this.cuts++
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** From now on nothing passes over the connections that are there, and none is closed; new ones are as ever. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe()
      socket.pause()
    }
  }

  async dispose(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
