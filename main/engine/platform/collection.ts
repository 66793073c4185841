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
  /** Called after each change, or once for all that were made together, in order, synchronously. A listener must not throw. */
  onChange(listener: (change: RecordChange<T>) => void): Disposer
}

/** Records by id, of which one owner writes and many watch. Records are replaced, never mutated. */
export class Collection<T extends { readonly id: string }> implements ReadonlyCollection<T> {
  readonly #records = new Map<string, T>()
  readonly #listeners = new Set<(change: RecordChange<T>) => void>()
  #version = 0
  /** Of the changes that are being made together: whether there was a record before the first. */
  #together: Map<string, boolean> | undefined

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
    const before = this.#records.get(record.id)
    if (before === record) return
    this.#records.set(record.id, record)
    if (this.#together) this.#note(record.id, before !== undefined)
    else this.#emit([record], [])
  }

  /** Merges into a record; does nothing where there is none. */
  patch(id: string, fields: Partial<T>): void {
    const record = this.#records.get(id)
    if (record) this.set({ ...record, ...fields })
  }

  delete(id: string): void {
    if (!this.#records.delete(id)) return
    if (this.#together) this.#note(id, true)
    else this.#emit([], [id])
  }

  /** Tells of all that `work` changes as of one change: listeners of thousands of records look at all of them each time. */
  together(work: () => void): void {
    if (this.#together) {
      work()
      return
    }
    const changed = new Map<string, boolean>()
    this.#together = changed
    try {
      work()
    } finally {
      this.#together = undefined
      const upserts: T[] = []
      const removes: string[] = []
      for (const [id, wasThere] of changed) {
        const record = this.#records.get(id)
        if (record) upserts.push(record)
        else if (wasThere) removes.push(id)
      }
      if (upserts.length + removes.length > 0) this.#emit(upserts, removes)
    }
  }

  onChange(listener: (change: RecordChange<T>) => void): Disposer {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #note(id: string, wasThere: boolean): void {
    if (!this.#together?.has(id)) this.#together?.set(id, wasThere)
  }

  #emit(upserts: readonly T[], removes: readonly string[]): void {
    this.#version += 1
    const change = { version: this.#version, upserts, removes }
    for (const listener of [...this.#listeners]) listener(change)
  }
}

/** A set of ids that only grows, and says when it does. */
export class Selection {
  readonly #ids = new Set<string>()
  readonly #listeners = new Set<(id: string) => void>()

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string): void {
    if (this.#ids.has(id)) return
    this.#ids.add(id)
    for (const listener of [...this.#listeners]) listener(id)
  }

  onAdd(listener: (id: string) => void): Disposer {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

/**
 * The records of `collection` that are selected. One that is selected later shows as an upsert then. Versions are the
 * whole collection's, so they may skip or repeat.
 */
export function filterCollection<T extends { readonly id: string }>(
  collection: ReadonlyCollection<T>,
  selection: Pick<Selection, 'has' | 'onAdd'>,
): ReadonlyCollection<T> {
  return {
    get version() {
      return collection.version
    },
    get: (id) => (selection.has(id) ? collection.get(id) : undefined),
    list: () => collection.list().filter((record) => selection.has(record.id)),
    onChange: (listener) => {
      const stopChanges = collection.onChange((change) => {
        const upserts = change.upserts.filter((record) => selection.has(record.id))
        const removes = change.removes.filter((id) => selection.has(id))
        if (upserts.length > 0 || removes.length > 0) listener({ version: change.version, upserts, removes })
      })
      const stopAdditions = selection.onAdd((id) => {
        const record = collection.get(id)
        if (record) listener({ version: collection.version, upserts: [record], removes: [] })
      })
      return async () => {
        await stopChanges()
        await stopAdditions()
      }
    },
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
