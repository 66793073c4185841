import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import type { Clock } from '../../../platform/clock'
import type { ApiClient, CallOptions } from '../api'
import type { WatchedObject } from './changes'

/** For tests: a time that goes on when it is told to. */
export class ManualClock implements Clock {
  #now = 0
  #sleeping = new Set<{ at: number; wake: () => void }>()

  now(): number {
    return this.#now
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        this.#sleeping.delete(entry)
        reject(signal?.reason)
      }
      const wake = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const entry = { at: this.#now + milliseconds, wake }
      this.#sleeping.add(entry)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  get sleepers(): number {
    return this.#sleeping.size
  }

  /** Wakes who is due, in order, and lets each do what it does then. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds
    for (;;) {
      await settle()
      const [next] = [...this.#sleeping].sort((left, right) => left.at - right.at)
      if (!next || next.at > until) break
      this.#sleeping.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.wake()
    }
    this.#now = until
    await settle()
  }
}

export async function settle(): Promise<void> {
  for (let round = 0; round < 20; round++) await new Promise((resolve) => setImmediate(resolve))
}

export class FakeError extends Error {
  readonly status: number
  constructor(status: number) {
    super(`status ${status}`)
    this.status = status
  }
}

export interface FakeObject extends WatchedObject {
  readonly metadata: {
    readonly name: string
    readonly resourceVersion: string
    readonly uid?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

interface OpenWatch {
  readonly stream: PassThrough
  /** Half-open: nothing arrives any more. */
  dead: boolean
}

/**
 * For tests: a collection of the API server with its history, pages, watches and faults. Each request takes one of
 * `faults` first: an error to answer with, or `hang`.
 */
export class FakeCollection implements Pick<ApiClient, 'json' | 'stream'> {
  readonly objects = new Map<string, FakeObject>()
  readonly history: { readonly version: number; readonly type: string; readonly object: FakeObject }[] = []
  /** Versions up to this one are forgotten: a watch from one of them is 410. */
  forgotten = 0
  version = 100
  readonly faults: (Error | 'hang')[] = []
  lists = 0
  watches = 0
  /** Called after each page of a list. */
  afterPage: (() => void) | undefined
  /** Answers continuing lists with 410 this many times. */
  expiredPages = 0
  readonly #open = new Set<OpenWatch>()
  readonly #snapshots = new Map<string, FakeObject[]>()

  set(
    name: string,
    fields: Readonly<Record<string, unknown>> = {},
    metadata: Readonly<Record<string, unknown>> = {},
  ): void {
    const type = this.objects.has(name) ? 'MODIFIED' : 'ADDED'
    const object = {
      ...fields,
      metadata: { ...metadata, name, resourceVersion: String(++this.version), managedFields: [{}] },
    } as FakeObject
    this.objects.set(name, object)
    this.#tell(type, object)
  }

  delete(name: string): void {
    const object = this.objects.get(name)
    if (!object) return
    this.objects.delete(name)
    this.#tell('DELETED', {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(++this.version) },
    })
  }

  bookmark(): void {
    for (const watch of this.#open) {
      if (!watch.dead) write(watch, 'BOOKMARK', { metadata: { resourceVersion: String(this.version) } })
    }
  }

  /** Ends every watch as the server does at its time, or with a broken connection, in the middle of a line. */
  end(how: 'clean' | 'reset' | 'half-open'): void {
    for (const watch of this.#open) {
      if (how === 'half-open') watch.dead = true
      else {
        this.#open.delete(watch)
        if (how === 'clean') watch.stream.end()
        else {
          watch.stream.write('{"type":"ADDED","object":{"metadata":{"name":"torn')
          setImmediate(() => watch.stream.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' })))
        }
      }
    }
  }

  error(code: number): void {
    for (const watch of this.#open) write(watch, 'ERROR', { kind: 'Status', code, message: `error ${code}` })
  }

  get openWatches(): number {
    return this.#open.size
  }

  async json<T>(_method: string, _path: string, options: CallOptions = {}): Promise<T> {
    this.lists++
    await this.#fault(options)
    const { limit, continue: token } = options.query ?? {}
    if (token !== undefined && this.expiredPages > 0) {
      this.expiredPages--
      throw new FakeError(410)
    }
    const [key, at] = token === undefined ? [String(this.version), '0'] : String(token).split('/')
    const all = this.#snapshots.get(key ?? '') ?? [...this.objects.values()]
    this.#snapshots.set(key ?? '', all)
    const from = Number(at)
    const until = limit === undefined ? all.length : from + Number(limit)
    const answer = {
      metadata: {
        resourceVersion: key,
        ...(until < all.length && { continue: `${key}/${until}` }),
      },
      items: all.slice(from, until),
    }
    this.afterPage?.()
    return answer as T
  }

  async stream(_path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    this.watches++
    await this.#fault(options)
    const from = Number(options.query?.resourceVersion)
    if (from < this.forgotten) throw new FakeError(410)
    const stream = new PassThrough()
    stream.on('error', () => undefined)
    const watch = { stream, dead: false }
    for (const { version, type, object } of this.history) if (version > from) write(watch, type, object)
    this.#open.add(watch)
    stream.once('close', () => this.#open.delete(watch))
    return stream as unknown as IncomingMessage
  }

  async #fault({ signal }: CallOptions): Promise<void> {
    const fault = this.faults.shift()
    if (fault === 'hang')
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    else if (fault) throw fault
    signal?.throwIfAborted()
  }

  #tell(type: string, object: FakeObject): void {
    this.history.push({ version: this.version, type, object })
    for (const watch of this.#open) if (!watch.dead) write(watch, type, object)
  }
}

function write({ stream }: OpenWatch, type: string, object: unknown): void {
  const line = Buffer.from(`${JSON.stringify({ type, object })}\n`)
  const half = Math.floor(line.length / 2)
  stream.write(line.subarray(0, half))
  stream.write(line.subarray(half))
}
