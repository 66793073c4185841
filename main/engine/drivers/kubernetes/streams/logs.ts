import type { IncomingMessage } from 'node:http'
import type { V1Pod } from '@kubernetes/client-node'
import { toProblem } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { LogOptions, LogStream } from '../../driver'
import type { ApiClient, Query } from '../api'
import { LogLines } from './log-lines'
import { type ContainerAddress, podPath } from './open-command'
import { Output } from './output'
import { connectionLost, podFailure, refusalOf } from './problems'
import { linkSignals } from './signals'

/** How long a log that is followed is tried to be taken up again, in milliseconds, and the pauses between tries. */
const GIVE_UP = 15_000
const PAUSE = { first: 200, longest: 2_000 }

/** A container, or the one that ran in its place before. */
export interface LogAddress extends ContainerAddress {
  readonly previous?: boolean
}

export interface LogDependencies {
  readonly client: ApiClient
  readonly clock: Clock
  /** Aborts when the driver is closed. */
  readonly closed: AbortSignal
}

/**
 * What a container printed. The API mixes its two channels: all of it comes on `stdout`. A connection that breaks
 * while following is made again and goes on behind the last line that was read, until the container has ended.
 * See {@link Driver.logs}.
 */
export async function openLogs(
  dependencies: LogDependencies,
  place: LogAddress,
  options: LogOptions,
  signal: AbortSignal,
): Promise<LogStream> {
  const reader = new LogReader(dependencies, place, options, signal)
  try {
    await reader.begin()
  } catch (error) {
    reader.destroy()
    throw podFailure(dependencies.client, error, 'The logs could not be read', signal)
  }
  return reader
}

class LogReader implements LogStream {
  readonly stdout: Output
  readonly stderr: Output
  readonly end: LogStream['end']
  readonly #dependencies: LogDependencies
  readonly #place: LogAddress
  readonly #options: LogOptions
  readonly #stopped = new AbortController()
  readonly #signals: ReturnType<typeof linkSignals>
  readonly #lines = new LogLines()
  #wake: (() => void) | undefined
  #containerId: string | undefined
  /** By the server's clock, when reading began: where to go on if nothing was read. */
  #begunAt = ''
  #resolveEnd: (end: Awaited<LogStream['end']>) => void = () => undefined

  constructor(dependencies: LogDependencies, place: LogAddress, options: LogOptions, signal: AbortSignal) {
    this.#dependencies = dependencies
    this.#place = place
    // What has ended prints no more.
    this.#options = place.previous ? { ...options, follow: false } : options
    this.stdout = new Output(() => this.#wake?.())
    this.stderr = new Output(() => undefined)
    this.stderr.finish()
    this.end = new Promise((resolve) => {
      this.#resolveEnd = resolve
    })
    this.#signals = linkSignals(signal, this.#stopped.signal, dependencies.closed)
    signal.addEventListener('abort', () => this.destroy(), { signal: this.#stopped.signal })
    if (signal.aborted) this.destroy()
  }

  async begin(): Promise<void> {
    this.#signals.signal.throwIfAborted()
    const state = this.#options.follow ? await this.#look() : undefined
    this.#containerId = state?.id
    const { tail } = this.#options
    const response = await this.#request(tail === undefined ? {} : { tailLines: tail })
    this.#begunAt = new Date(response.headers.date ?? this.#dependencies.clock.now()).toISOString()
    void this.#read(response)
  }

  destroy(): void {
    this.#stopped.abort()
    this.stdout.destroy()
    this.stderr.destroy()
  }

  #request(where: Query): Promise<IncomingMessage> {
    const { client } = this.#dependencies
    const query: Query = {
      container: this.#place.container,
      follow: this.#options.follow,
      ...(this.#place.previous && { previous: true }),
      timestamps: true,
      ...where,
    }
    const path = podPath(client, this.#place.pod, 'log')
    return client.stream(path, { query, signal: this.#signals.signal })
  }

  async #read(first: IncomingMessage): Promise<void> {
    const { client } = this.#dependencies
    const problem = await this.#readAll(first).catch((error: unknown) =>
      toProblem(client.failure(error, 'The logs broke off')),
    )
    const wanted = !this.#stopped.signal.aborted
    this.#signals.unlink()
    this.#stopped.abort()
    this.stdout.finish()
    this.#resolveEnd(wanted && problem ? { problem } : {})
  }

  /** Returns why more might have come; nothing where this was all. */
  async #readAll(first: IncomingMessage) {
    const { client, closed } = this.#dependencies
    const { signal } = this.#signals
    let response = first
    for (;;) {
      const failure = await this.#take(response)
      if (closed.aborted) return connectionLost(client.identity.targetName, 'the driver was closed')
      if (signal.aborted) return undefined
      if (!this.#options.follow) {
        if (!failure) this.#takeRest()
        return failure && connectionLost(client.identity.targetName, failure)
      }
      const again = await this.#again(failure)
      if (!again) {
        this.#takeRest()
        return undefined
      }
      if (typeof again === 'string') {
        return connectionLost(client.identity.targetName, closed.aborted ? 'the driver was closed' : again)
      }
      response = again
    }
  }

  /** Passes lines on as they are wanted; returns why the answer broke off, nothing where it ended. */
  async #take(response: IncomingMessage): Promise<string | undefined> {
    try {
      for await (const chunk of response) {
        const lines = this.#lines.push(chunk as Buffer)
        if (lines && !this.stdout.offer(lines)) await this.#room()
        if (this.stdout.destroyed || this.#signals.signal.aborted) break
      }
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      response.destroy()
    }
  }

  async #room(): Promise<void> {
    const { signal } = this.#signals
    while (!this.stdout.ready && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  #takeRest(): void {
    const rest = this.#lines.finish()
    if (rest) this.stdout.offer(rest)
  }

  /** A new answer that goes on behind the last line; nothing when the container has ended; or why there is none. */
  async #again(failure: string | undefined): Promise<IncomingMessage | string | undefined> {
    const { clock } = this.#dependencies
    const { signal } = this.#signals
    const deadline = clock.now() + GIVE_UP
    let reason = failure ?? 'the log ended although its container runs'
    for (let pause = PAUSE.first; ; pause = Math.min(pause * 2, PAUSE.longest)) {
      // Also before the first: who ends every answer at once is not to be asked without a rest.
      await clock.sleep(pause, signal).catch(() => undefined)
      if (signal.aborted) return 'given up'
      try {
        const state = await this.#look()
        if (state === undefined || state.id !== this.#containerId) return undefined
        // An answer that was whole when the container had ended has all of it.
        if (!state.running && failure === undefined) return undefined
        this.#lines.resume()
        const position = this.#lines.position
        const since = position ? new Date(position.second * 1000).toISOString() : this.#begunAt
        const fromStart = !position && this.#options.tail === undefined
        return await this.#request(fromStart ? {} : { sinceTime: since })
      } catch (error) {
        if (signal.aborted) return 'given up'
        reason = error instanceof Error ? error.message : String(error)
        if (refusalOf(error)?.status === 404) return undefined
      }
      if (clock.now() > deadline) return reason
    }
  }

  /** The container as it is now; undefined where the pod is gone. */
  async #look(): Promise<{ readonly id: string | undefined; readonly running: boolean } | undefined> {
    const { client } = this.#dependencies
    const { pod, container } = this.#place
    try {
      const found = await client.json<V1Pod>('GET', podPath(client, pod), { signal: this.#signals.signal })
      const status = found.status?.containerStatuses?.find(({ name }) => name === container)
      return {
        id: status?.containerID && `${found.metadata?.uid} ${status.containerID}`,
        running: status?.state?.running !== undefined,
      }
    } catch (error) {
      if (refusalOf(error)?.status === 404) return undefined
      throw error
    }
  }
}
