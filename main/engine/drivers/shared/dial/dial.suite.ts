import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { expect, it } from 'vitest'
import { hasCode } from './relay'

export interface SuiteContext {
  dial(port: number, signal?: AbortSignal): Promise<Duplex>
  /** What listens on localhost of whatever the dialer reaches, and (`closed`) one port on which nothing does. */
  readonly ports: {
    readonly echo: number
    readonly discard: number
    readonly source: number
    readonly reset: number
    readonly afterEnd: number
    /** Sends 300 000 bytes to each client, and ends. */
    readonly farewell: number
    /** Answers the first byte with 1000, and resets the connection at once. */
    readonly cut: number
    /** Answers the first byte with `too large`, and closes the connection with the rest unread. */
    readonly refusal: number
    readonly version6: number
    readonly closed: number
  }
  /** Ends the relay from outside, as a crash would; absent where there is none. */
  readonly killRelay?: () => Promise<void>
  /** False for `bash`, which cannot end one direction alone. */
  readonly halfClose: boolean
  /** False for tools that turn a reset into an end. */
  readonly resets: boolean
  /** False where what the app said is lost once it takes no more. */
  readonly refusals: boolean
}

export async function collect(stream: Duplex): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

function sha(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

/** What every way into a container must do. */
export function dialSuite(context: () => SuiteContext): void {
  it('carries bytes both ways and ends', async () => {
    const socket = await context().dial(context().ports.echo)
    socket.write('hello')
    const [reply] = (await once(socket, 'data')) as [Buffer]
    expect(reply.toString()).toBe('hello')
    socket.destroy()
  })

  it('refuses where nothing listens', async () => {
    await expect(context().dial(context().ports.closed)).rejects.toSatisfy((error) =>
      hasCode(error, 'port-refused'),
    )
  })

  it('reaches what listens on ::1 only', async () => {
    if (context().ports.version6 === 0) return console.log('skipped: no IPv6 loopback here')
    const socket = await context().dial(context().ports.version6)
    expect((await collect(socket)).toString()).toBe('six')
  })

  it('carries 24 MB both ways unchanged', async () => {
    const { dial, ports, halfClose } = context()
    const socket = await dial(ports.echo)
    const data = randomBytes(24 * 1024 * 1024)
    const pieces: Buffer[] = []
    let length = 0
    const received = new Promise<void>((resolve, reject) => {
      socket.on('data', (piece: Buffer) => {
        pieces.push(piece)
        length += piece.length
        if (length >= data.length) resolve()
      })
      socket.on('error', reject)
    })
    for (let at = 0; at < data.length; at += 100_000) {
      if (!socket.write(data.subarray(at, at + 100_000))) await once(socket, 'drain')
    }
    if (halfClose) {
      const ended = once(socket, 'end')
      socket.end()
      await received
      await ended
    } else {
      await received
      socket.destroy()
    }
    expect(sha(Buffer.concat(pieces))).toBe(sha(data))
  })

  it('keeps the other direction open after an end', async () => {
    const { dial, ports, halfClose } = context()
    if (!halfClose) return console.log('skipped: this tool cannot end one direction alone')
    const socket = await dial(ports.afterEnd)
    socket.end('question')
    expect((await collect(socket)).toString()).toBe('answer to question')
  })

  it('tells a reset from an end', async () => {
    const { dial, ports, resets } = context()
    const socket = await dial(ports.reset)
    socket.write('x')
    const outcome = await collect(socket).then(
      () => 'end',
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect(outcome).toBe(resets ? 'ECONNRESET' : outcome)
  })

  it('tells a reset that comes with the last bytes from an end', async () => {
    const { dial, ports, resets } = context()
    if (!resets) return console.log('skipped: this tool turns a reset into an end')
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = await dial(ports.cut)
        socket.write('x')
        return collect(socket).then(
          () => 'end',
          (error: NodeJS.ErrnoException) => error.code,
        )
      }),
    )
    expect(outcomes).toEqual(outcomes.map(() => 'ECONNRESET'))
  })

  it('passes on why the app refuses the rest of what is sent', async () => {
    const { dial, ports, refusals } = context()
    if (!refusals) return console.log('skipped: this way ends with the first byte that cannot be written')
    const upload = Buffer.alloc(4 * 1024 * 1024)
    for (let round = 0; round < 20; round++) {
      const socket = await dial(ports.refusal)
      let said = ''
      socket.on('data', (piece) => {
        said += piece
      })
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write(upload)
      await closed
      expect(said).toBe('too large')
    }
  })

  it('keeps what the app said before it ended for a reader that is late', async () => {
    const { dial, ports } = context()
    const socket = await dial(ports.farewell)
    // Long enough for the app, and whatever carries the connection, to be gone; on a slow machine it tests less.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect((await collect(socket)).length).toBe(300_000)
  })

  it('lets a stopped reader block only itself', async () => {
    const { dial, ports } = context()
    const stopped = await dial(ports.source)
    await once(stopped, 'readable')
    const socket = await dial(ports.source)
    let length = 0
    for await (const piece of socket) {
      length += (piece as Buffer).length
      if (length > 16 * 1024 * 1024) break
    }
    expect(length).toBeGreaterThan(16 * 1024 * 1024)
    expect(stopped.readableLength).toBeLessThan(4 * 1024 * 1024)
    stopped.destroy()
  })

  it('stops a writer whose peer does not read', async () => {
    const { dial, ports } = context()
    const socket = await dial(ports.discard)
    let accepted = 0
    const piece = Buffer.alloc(256 * 1024)
    const other = await dial(ports.echo)
    for (let round = 0; round < 400 && socket.writableLength < 1024 * 1024; round++) {
      socket.write(piece)
      accepted += piece.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    // Well below the 100 MB offered: what the way and both kernels hold.
    expect(accepted).toBeLessThan(48 * 1024 * 1024)
    other.write('still here')
    const [reply] = (await once(other, 'data')) as [Buffer]
    expect(reply.toString()).toBe('still here')
    socket.destroy()
    other.destroy()
  })

  it('answers 40 connections at once, each with its own bytes', async () => {
    const { dial, ports } = context()
    const replies = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const socket = await dial(ports.echo)
        const data = Buffer.from(`${index}:`.repeat(5000))
        const reply: Buffer[] = []
        let length = 0
        socket.write(data)
        for await (const piece of socket) {
          reply.push(piece as Buffer)
          length += (piece as Buffer).length
          if (length >= data.length) break
        }
        return Buffer.concat(reply).equals(data)
      }),
    )
    expect(replies).toEqual(replies.map(() => true))
  })

  it('gives up connecting on abort', async () => {
    const controller = new AbortController()
    const dialled = context().dial(context().ports.echo, controller.signal)
    controller.abort()
    await expect(dialled).rejects.toSatisfy((error) => hasCode(error, 'cancelled'))
  })

  it('ends its connections with a reason when the relay dies, and makes a new one', async () => {
    const { dial, ports, killRelay } = context()
    if (!killRelay) return console.log('skipped: no relay in this way')
    const socket = await dial(ports.echo)
    const ended = collect(socket).then(
      () => undefined,
      (error: unknown) => error,
    )
    await killRelay()
    expect(await ended).toSatisfy((error) => hasCode(error, 'connection-lost'))
    const again = await dial(ports.echo)
    again.write('back')
    const [reply] = (await once(again, 'data')) as [Buffer]
    expect(reply.toString()).toBe('back')
    again.destroy()
  })
}
