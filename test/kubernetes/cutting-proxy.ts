import { connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'

/** Passes connections on to a server, late if asked to, until they are all cut at once, as a network would that goes away. */
export class CuttingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** How often connections were cut that were there. */
  cuts = 0

  private constructor(server: Server) {
    this.#server = server
  }

  /** @param delay milliseconds that everything takes each way */
  static async start(target: URL, delay = 0): Promise<CuttingProxy> {
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
          // What is still under way arrives before that.
          if (delay > 0) setTimeout(() => other.destroySoon(), delay)
          else other.destroy()
        })
        if (delay > 0) socket.pipe(late(delay)).pipe(other)
        else socket.pipe(other)
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

/** Hands on what it gets, and its end, so many milliseconds later. */
function late(delay: number): Transform {
  return new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk, _encoding, done) {
      setTimeout(() => this.push(chunk), delay)
      done()
    },
    flush(done) {
      setTimeout(done, delay)
    },
  })
}
