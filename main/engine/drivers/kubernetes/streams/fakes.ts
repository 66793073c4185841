import { Duplex, PassThrough, type Readable, type Writable } from 'node:stream'
import type { ExecExit, ExecProcess } from '../../driver'
import type { ApiClient, ApiWebSocket, SpdySession, SpdyStream, StreamEnd } from '../api'

/** For tests: the server's side of what the API client opens, in memory. */

export class FakeWebSocket implements ApiWebSocket {
  readonly protocol: string
  readonly ended: Promise<StreamEnd>
  readonly sent: Buffer[] = []
  paused = false
  destroyed = false
  closed = false
  /** How many more messages are taken before {@link send} says that it is full. */
  room = Number.POSITIVE_INFINITY
  #listener: ((data: Buffer) => void) | undefined
  #held: Buffer[] = []
  #drained: (() => void) | undefined
  #end: (end: StreamEnd) => void = () => undefined

  constructor(protocol: string) {
    this.protocol = protocol
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  onMessage(listener: (data: Buffer) => void): void {
    this.#listener = listener
    this.#flush()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.#flush()
  }

  send(...parts: readonly Uint8Array[]): boolean {
    this.sent.push(Buffer.concat(parts))
    return --this.room > 0
  }

  onDrain(listener: () => void): void {
    this.#drained = listener
  }

  close(): void {
    this.closed = true
    this.finish(true)
  }

  destroy(): void {
    this.destroyed = true
    this.finish(false, 'ended by this side')
  }

  /** The server sends a message. */
  message(channel: number, payload: Buffer | string): void {
    this.#held.push(Buffer.concat([Buffer.of(channel), Buffer.from(payload)]))
    this.#flush()
  }

  drain(room = Number.POSITIVE_INFINITY): void {
    this.room = room
    this.#drained?.()
  }

  finish(clean: boolean, reason = clean ? 'closed' : 'the connection was lost'): void {
    this.#end({ clean, reason })
  }

  #flush(): void {
    while (!this.paused && this.#listener) {
      const data = this.#held.shift()
      if (!data) return
      this.#listener(data)
    }
  }
}

/** One stream as the server has it; `near` is what the client got. */
export class FakeStream {
  readonly near: SpdyStream
  readonly headers: Readonly<Record<string, string>>
  readonly received: Buffer[] = []
  halfClosed = false
  reset = false
  /** While false, what is written is not taken. */
  taking = true
  readonly #queue: (Buffer | Error | null)[] = []
  #wanted = false
  #held: (() => void)[] = []
  #listener: (chunk: Buffer) => void = () => undefined

  constructor(streamId: number, headers: Readonly<Record<string, string>>, onClose: () => void) {
    this.headers = headers
    const duplex = new Duplex({
      readableHighWaterMark: 0,
      read: () => {
        this.#wanted = true
        this.#pump()
      },
      write: (chunk: Buffer, _encoding, done) => {
        this.received.push(chunk)
        this.#listener(chunk)
        if (this.taking) done()
        else this.#held.push(done)
      },
      final: (done) => {
        this.halfClosed = true
        done()
      },
      destroy: (error, done) => {
        this.reset = true
        for (const held of this.#held.splice(0)) held()
        onClose()
        done(error)
      },
    })
    duplex.on('error', () => undefined)
    this.near = Object.assign(duplex, { streamId })
  }

  /** Hears what is written, and what was before. */
  listen(listener: (chunk: Buffer) => void): void {
    this.#listener = listener
    for (const chunk of this.received) listener(chunk)
  }

  /** The server sends bytes, its FIN (null), or a reset. Errors come behind what was sent before. */
  push(what: Buffer | string | Error | null): void {
    this.#queue.push(typeof what === 'string' ? Buffer.from(what) : what)
    this.#pump()
  }

  take(): void {
    this.taking = true
    for (const held of this.#held.splice(0)) held()
  }

  #pump(): void {
    const next = this.#queue[0]
    if (next === undefined) return
    if (next instanceof Error) {
      if (this.near.readableLength === 0) this.near.destroy(next)
      return
    }
    if (!this.#wanted) return
    this.#queue.shift()
    this.#wanted = false
    this.near.push(next)
  }
}

export class FakeSession implements SpdySession {
  readonly protocol = 'fake'
  readonly ended: Promise<StreamEnd>
  readonly opened: FakeStream[] = []
  over = false
  /** While false, streams are not accepted. */
  accepting = true
  #end: (end: StreamEnd) => void = () => undefined

  /** `onStream` is the server's part: called for every stream that it accepts. */
  constructor(readonly onStream: (stream: FakeStream, session: FakeSession) => void = () => undefined) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  get streams(): number {
    return this.opened.filter((stream) => !stream.reset).length
  }

  async open(headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<SpdyStream> {
    await new Promise<void>((resolve, reject) => {
      if (this.over) return reject(Object.assign(new Error('the session is over'), { code: 'ECONNRESET' }))
      if (this.accepting) setImmediate(resolve)
      else signal?.addEventListener('abort', () => reject(signal.reason))
    })
    const stream = new FakeStream(this.opened.length * 2 + 1, headers, () => undefined)
    this.opened.push(stream)
    setImmediate(() => this.onStream(stream, this))
    return stream.near
  }

  /** The server ends a stream by a reset, or the connection breaks. */
  break(reason = 'the connection was lost'): void {
    if (this.over) return
    this.over = true
    for (const stream of this.opened) stream.push(Object.assign(new Error(reason), { code: 'ECONNRESET' }))
    this.#end({ clean: false, reason })
  }

  close(): void {
    this.break('closed by this side')
  }

  destroy(): void {
    this.break('ended by this side')
  }
}

const unexpected = () => Promise.reject(new Error('not expected in this test'))

/** A client of which a test needs little. */
export function fakeClient(parts: Partial<ApiClient>): ApiClient {
  return {
    identity: { targetName: 'test', endpoint: 'https://test:6443', namespace: 'space' },
    json: unexpected,
    apply: unexpected,
    stream: unexpected,
    websocket: unexpected,
    spdy: unexpected,
    spdyOverWebSocket: unexpected,
    failure: (error) => (error instanceof Error ? error : new Error(String(error))),
    dispose: async () => undefined,
    ...parts,
  }
}

/** An answer of status 400 and above. */
export function refusal(status: number, message: string, reason = ''): Error {
  return Object.assign(new Error(message), { status, reason })
}

/** A process in a pod: `begin` gets what it reads and where it writes. */
export function fakeProcess(begin: (stdin: Readable, stdout: Writable) => void) {
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  let exited: (exit: ExecExit) => void = () => undefined
  const fake = {
    /** How many times it has written. */
    answers: 0,
    destroyed: false,
    say: (text: string) => stdout.write(text),
    end: (code: number) => {
      stdout.end()
      exited({ code })
    },
    near: undefined as unknown as ExecProcess,
  }
  const near: ExecProcess = {
    stdin,
    stdout,
    stderr: null,
    resize: async () => undefined,
    kill: async () => undefined,
    exit: new Promise((resolve) => {
      exited = resolve
    }),
    destroy: () => {
      fake.destroyed = true
      stdout.destroy()
      exited({ code: null })
    },
  }
  stdout.on('data', () => {
    fake.answers++
  })
  begin(stdin, stdout)
  return Object.assign(fake, { near })
}
