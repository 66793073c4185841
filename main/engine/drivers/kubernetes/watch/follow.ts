import type { Clock } from '../../../platform/clock'
import type { ApiClient, Query } from '../api'
import { isStatus } from '../status'
import type { WatchedObject } from './changes'
import { Reflector } from './reflector'

export interface FollowDependencies {
  readonly client: Pick<ApiClient, 'json' | 'stream'>
  readonly clock: Clock
}

/** Milliseconds for which who waits for an object puts up with a server that does not answer. */
const PATIENCE = 120_000

export interface Following<T> {
  readonly path: string
  readonly query?: Query
  /** Called with all objects by name after every change; true: enough has been seen. What it throws is the end, too. */
  look(objects: ReadonlyMap<string, T>): boolean
}

/**
 * Follows a collection until `look` has seen enough. Rejects with the signal's reason, with what `look` throws, and with
 * the raw error where the server refuses or stays away.
 */
export function follow<T extends WatchedObject>(
  { client, clock }: FollowDependencies,
  { path, query, look }: Following<T>,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const controller = new AbortController()
    const end = (settle: () => void) => {
      if (controller.signal.aborted) return
      controller.abort()
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = () => end(() => reject(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    const objects = new Map<string, T>()
    const check = () => {
      if (controller.signal.aborted) return
      try {
        if (look(objects)) end(resolve)
      } catch (error) {
        end(() => reject(error))
      }
    }
    let failingSince: number | undefined
    const reflector = new Reflector<T>({
      client,
      clock,
      path,
      ...(query && { query }),
      handler: {
        listed: (all) => {
          objects.clear()
          for (const [name, object] of all) objects.set(name, object)
          check()
        },
        changed: (object) => {
          objects.set(object.metadata?.name ?? '', object)
          check()
        },
        removed: (object) => {
          objects.delete(object.metadata?.name ?? '')
          check()
        },
        failed: (error) => {
          failingSince ??= clock.now()
          if (isStatus(error, 401, 403) || clock.now() - failingSince > PATIENCE) end(() => reject(error))
        },
        alive: () => {
          failingSince = undefined
        },
      },
    })
    void reflector.run(controller.signal)
  })
}

/** Follows one object of a collection; `look` gets undefined while there is none. */
export function followObject<T extends WatchedObject>(
  dependencies: FollowDependencies,
  path: string,
  name: string,
  look: (object: T | undefined) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const query = { fieldSelector: `metadata.name=${name}` }
  return follow<T>(dependencies, { path, query, look: (objects) => look(objects.get(name)) }, signal)
}
