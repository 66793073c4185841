import { connect, createServer, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'

/** Passes connections on to a server, late if asked to, until they are all cut at once, as a network would that goes away. */
export class CuttingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isLost = false
  /** How often connections were cut that were there. */
  cuts = 0

  private constructor(server: Server) {
    this.#server = server
  }

  /**
   * @param target of TCP, or a socket as `unix:///path`
   * @param delay milliseconds that everything takes each way
   */
  static async start(target: URL, delay = 0): Promise<CuttingProxy> {
    const server = createServer({ allowHalfOpen: true })
    const proxy = new CuttingProxy(server)
    server.on('connection', (near) => {
      if (proxy.#isLost) {
        proxy.#swallow(near)
        return
      }
      const far =
        target.protocol === 'unix:'
          ? connect({ path: target.pathname, allowHalfOpen: true })
          : connect({ port: Number(target.port), host: target.hostname, allowHalfOpen: true })
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
          else other.destroySoon()
        })
        if (delay > 0) socket.pipe(late(delay)).pipe(other)
        else socket.pipe(other)
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return address.port
  }

  cut(): void {
    if (this.#sockets.size > 0) this.cuts++
    for (const socket of this.#sockets) {
      // Only TCP knows a reset.
      if (socket.remoteFamily === undefined) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  /** From now on nothing passes over the connections that are there, and none is closed; new ones are as ever. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe()
      socket.pause()
    }
  }

  /**
   * The network is gone, without a word: whatever is sent, over what is there and what comes, goes nowhere, until the
   * function that this gives is called. What was there then goes nowhere for ever; new ones are as ever.
   */
  lose(): () => void {
    this.#isLost = true
    for (const socket of this.#sockets) this.#swallow(socket)
    return () => {
      this.#isLost = false
    }
  }

  #swallow(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.removeAllListeners('close')
    socket.once('close', () => this.#sockets.delete(socket))
    socket.unpipe()
    socket.resume()
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
