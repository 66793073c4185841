import type { Disposer } from './disposable'

export interface RecordChange<T> {
  readonly version: number
  readonly upserts: readonly T[]
  readonly removes: readonly string[]
}

/** Read side of a {@link Collection}. */
export interface ReadonlyCollection<T extends { readonly id: string }> {
  readonly version: number
  get(id: string): T | undefined
  list(): readonly T[]
  /** Called after each change, in order, synchronously. A listener must not throw. */
  onChange(listener: (change: RecordChange<T>) => void): Disposer
}

/** Records by id, of which one owner writes and many watch. Records are replaced, never mutated. */
export class Collection<T extends { readonly id: string }> implements ReadonlyCollection<T> {
  readonly #records = new Map<string, T>()
  readonly #listeners = new Set<(change: RecordChange<T>) => void>()
  #version = 0

  get version(): number {
    return this.#version
  }

  get(id: string): T | undefined {
    return this.#records.get(id)
  }

  list(): readonly T[] {
    return [...this.#records.values()]
  }

  set(record: T): void {
    if (this.#records.get(record.id) === record) return
    this.#records.set(record.id, record)
    this.#emit([record], [])
  }

  /** Merges into a record; does nothing where there is none. */
  patch(id: string, fields: Partial<T>): void {
    const record = this.#records.get(id)
    if (record) this.set({ ...record, ...fields })
  }

  delete(id: string): void {
    if (this.#records.delete(id)) this.#emit([], [id])
  }

  onChange(listener: (change: RecordChange<T>) => void): Disposer {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #emit(upserts: readonly T[], removes: readonly string[]): void {
    this.#version += 1
    const change = { version: this.#version, upserts, removes }
    for (const listener of [...this.#listeners]) listener(change)
  }
}

/**
 * The records of `collection` whose id `includes` names. Versions are the whole collection's, so they may skip; the
 * choice must not change over time.
 */
export function filterCollection<T extends { readonly id: string }>(
  collection: ReadonlyCollection<T>,
  includes: (id: string) => boolean,
): ReadonlyCollection<T> {
  return {
    get version() {
      return collection.version
    },
    get: (id) => (includes(id) ? collection.get(id) : undefined),
    list: () => collection.list().filter((record) => includes(record.id)),
    onChange: (listener) =>
      collection.onChange((change) => {
        const upserts = change.upserts.filter((record) => includes(record.id))
        const removes = change.removes.filter(includes)
        if (upserts.length > 0 || removes.length > 0) listener({ version: change.version, upserts, removes })
      }),
  }
}

/** Resolves once `predicate` holds for the record (or its absence); rejects with the signal's reason. */
export function waitFor<T extends { readonly id: string }>(
  collection: ReadonlyCollection<T>,
  id: string,
  predicate: (record: T | undefined) => boolean,
  signal?: AbortSignal,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const now = collection.get(id)
    if (predicate(now)) return resolve(now)
    if (signal?.aborted) return reject(signal.reason)
    const finish = (action: () => void) => {
      void stop()
      signal?.removeEventListener('abort', onAbort)
      action()
    }
    const onAbort = () => finish(() => reject(signal?.reason))
    const stop = collection.onChange(() => {
      const record = collection.get(id)
      if (predicate(record)) finish(() => resolve(record))
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
