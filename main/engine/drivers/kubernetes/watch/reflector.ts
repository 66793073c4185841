import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../../platform/clock'
import type { ApiClient, Query } from '../api'
import { isStatus, statusOf } from '../status'
import { Backoff } from './backoff'
import { followChanges, type WatchedObject } from './changes'

/** Objects of one answer to a list (client-go's page size). */
const PAGE = 500
/** How often a list may be overtaken by the server's compaction before it is asked for in one piece. */
const OVERTAKEN = 3
/**
 * Seconds until the server ends a watch, which is then begun again where it was. A watch that has not ended by then,
 * and for `SLACK` milliseconds gave no sign of life, hangs on a connection that is dead without saying so.
 */
const WATCH_SECONDS = 10
const SLACK = 3_000
/** Milliseconds in which a watch has to begin. */
const BEGIN_LIMIT = 5_000
/** Milliseconds that a list's page may take. */
const LIST_LIMIT = 30_000
/** A watch that ended sooner than this, in milliseconds, and told nothing, did not go well. */
const BRIEF = 1_000

export interface ReflectorHandler<T> {
  /** All that there is, by name: after each list. */
  listed(objects: ReadonlyMap<string, T>): void
  changed(object: T): void
  removed(object: T): void
  /** An attempt to list or to watch failed; more follow. */
  failed(error: unknown): void
  /** The server answers: after the beginning, and after failures. What was told holds. */
  alive(): void
}

export interface ReflectorOptions<T> {
  readonly client: Pick<ApiClient, 'json' | 'stream'>
  readonly clock: Clock
  /** Path of a collection. */
  readonly path: string
  /** `labelSelector` and `fieldSelector`. */
  readonly query?: Query
  readonly handler: ReflectorHandler<T>
  /** From 0 to 1; for tests. */
  readonly random?: () => number
}

interface List<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
  readonly items?: readonly T[] | null
}

/**
 * Keeps up with a collection of the API server for as long as it is asked to, whatever happens on the way: it lists,
 * then watches from there, and lists anew only where the server has forgotten where the watch was (410). What it
 * tells is in the server's order, complete and nothing else: lists are read from the store of the server and not from
 * a cache that may lag behind, and count only when all their pages have come.
 */
export class Reflector<T extends WatchedObject> {
  readonly #options: ReflectorOptions<T>
  readonly #backoff: Backoff

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#backoff = new Backoff(options.clock, options.random)
  }

  /** Runs until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let version: string | undefined
    while (!signal.aborted) {
      try {
        version ??= await this.#list(signal)
        const watched = await this.#watch(version, signal)
        version = watched.version
        if (watched.well) this.#backoff.reset()
        else await this.#pause(signal)
      } catch (error) {
        if (signal.aborted) return
        if (isExpired(error)) {
          version = undefined
          // A server that forgets at once whatever it has just told is not asked without a pause.
          if (this.#backoff.failures > 0) await this.#pause(signal)
          else this.#backoff.note()
          continue
        }
        this.#options.handler.failed(error)
        // It may have been set back to an older state, and wait for ever for the version that it is asked for.
        if (statusOf(error) !== undefined && !isStatus(error, 401, 403, 429, 503)) version = undefined
        await this.#pause(signal)
      }
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return this.#backoff.pause(signal).catch(() => undefined)
  }

  /** Lists all pages. Resolves with the version that a watch has to begin at. */
  async #list(signal: AbortSignal): Promise<string> {
    const { client, path, query, handler } = this.#options
    for (let overtaken = 0; ; overtaken++) {
      const objects = new Map<string, T>()
      let token: string | undefined
      try {
        for (;;) {
          const page: List<T> = await client.json('GET', path, {
            query: {
              ...query,
              ...(overtaken < OVERTAKEN && { limit: PAGE }),
              ...(token !== undefined && { continue: token }),
            },
            timeout: LIST_LIMIT,
            signal,
          })
          for (const object of page.items ?? []) {
            if (object.metadata?.name) objects.set(object.metadata.name, lean(object))
          }
          token = page.metadata?.continue || undefined
          if (token !== undefined) continue
          signal.throwIfAborted()
          handler.listed(objects)
          handler.alive()
          return page.metadata?.resourceVersion ?? ''
        }
      } catch (error) {
        if (token === undefined || !isExpired(error) || overtaken >= OVERTAKEN) throw error
      }
    }
  }

  /** One watch, to its end. Rejects where it could not begin, or where the server sent an error. */
  async #watch(version: string, signal: AbortSignal): Promise<{ version: string; well: boolean }> {
    const { client, clock, path, query, handler } = this.#options
    const begun = clock.now()
    const response = await client.stream(path, {
      query: {
        ...query,
        watch: true,
        resourceVersion: version,
        allowWatchBookmarks: true,
        timeoutSeconds: WATCH_SECONDS,
      },
      timeout: BEGIN_LIMIT,
      signal,
    })
    handler.alive()
    const limit = this.#limit(response, signal)
    let last = version
    let told = false
    try {
      for await (const { type, object } of followChanges<T>(response, limit.heard)) {
        if (signal.aborted) break
        last = object.metadata?.resourceVersion ?? last
        told = true
        if (type === 'BOOKMARK') continue
        if (type === 'DELETED') handler.removed(lean(object))
        else handler.changed(lean(object))
      }
    } finally {
      limit.end()
    }
    return { version: last, well: told || clock.now() - begun >= BRIEF }
  }

  /** Ends a watch that should have ended and is silent, and every watch when `signal` aborts. */
  #limit(response: IncomingMessage, signal: AbortSignal) {
    const { clock } = this.#options
    const over = new AbortController()
    const end = () => {
      over.abort()
      signal.removeEventListener('abort', end)
      response.destroy()
    }
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    let heard = clock.now()
    const watchLife = async () => {
      await clock.sleep(WATCH_SECONDS * 1_000, over.signal)
      do await clock.sleep(SLACK, over.signal)
      while (clock.now() - heard < SLACK)
      end()
    }
    watchLife().catch(() => undefined)
    return {
      heard: () => {
        heard = clock.now()
      },
      end,
    }
  }
}

/** The server has forgotten the version that was asked for. */
function isExpired(error: unknown): boolean {
  return isStatus(error, 410)
}

/** Without who wrote which field: nobody here reads it, and it is often the larger part. */
function lean<T extends WatchedObject>(object: T): T {
  if (!object.metadata || !('managedFields' in object.metadata)) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}
