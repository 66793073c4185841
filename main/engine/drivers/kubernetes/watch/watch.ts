import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from '@kubernetes/client-node'
import { toProblem } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { Logger } from '../../../platform/logger'
import type { ObservedWorkspace, WatchEvent } from '../../driver'
import type { ApiClient } from '../api'
import { idOfName, labels, managedSelector, objectName, paths, podName } from '../workspace/anatomy'
import type { WatchedObject } from './changes'
import { observe } from './observe'
import { Reflector, type ReflectorHandler } from './reflector'

export interface WatchDependencies {
  readonly client: Pick<ApiClient, 'json' | 'stream' | 'failure' | 'identity'>
  readonly clock: Clock
  readonly logger: Logger
  /** Something of a workspace changed. */
  readonly changed?: (id: string) => void
}

/** See {@link Driver.watch}. */
export async function* watchWorkspaces(
  { client, clock, logger, changed }: WatchDependencies,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { targetName, namespace } = client.identity
  const board = new Board(changed)
  const controller = new AbortController()
  const stop = () => {
    controller.abort()
    board.wake()
  }
  if (signal.aborted) return
  signal.addEventListener('abort', stop, { once: true })
  const follow = <T extends WatchedObject>(path: string): { mirror: Mirror<T>; running: Promise<void> } => {
    const mirror = new Mirror<T>(board)
    const query = { labelSelector: managedSelector }
    const reflector = new Reflector<T>({ client, clock, path, query, handler: mirror })
    return { mirror, running: reflector.run(controller.signal) }
  }
  const at = paths(namespace)
  const statefulSets = follow<V1StatefulSet>(at.statefulSets)
  const claims = follow<V1PersistentVolumeClaim>(at.claims)
  const pods = follow<V1Pod>(at.pods)
  const parts = [statefulSets, claims, pods]
  const observed = (id: string) =>
    observe({
      statefulSet: statefulSets.mirror.objects.get(objectName(id)),
      claim: claims.mirror.objects.get(objectName(id)),
      pod: pods.mirror.objects.get(podName(id)),
    })
  const known = new Map<string, ObservedWorkspace>()
  let told: 'nothing' | 'snapshot' | 'unreachable' = 'nothing'
  try {
    while (!signal.aborted) {
      const failure = parts.map(({ mirror }) => mirror.failure).find((one) => one !== undefined)
      if (failure) {
        if (told !== 'unreachable') {
          told = 'unreachable'
          const title = `The cluster "${targetName}" cannot be reached`
          const problem = toProblem(client.failure(failure.error, title))
          logger.debug('kubernetes watch failed', { target: targetName, code: problem.code })
          yield { type: 'unreachable', problem }
          continue
        }
      } else if (parts.every(({ mirror }) => mirror.current)) {
        const ids = board.take()
        if (told !== 'snapshot') {
          told = 'snapshot'
          known.clear()
          const every = new Set(parts.flatMap(({ mirror }) => mirror.ids()))
          for (const id of every) {
            const workspace = observed(id)
            if (workspace) known.set(id, workspace)
          }
          yield { type: 'snapshot', workspaces: [...known.values()] }
          continue
        }
        for (const id of ids) {
          const event = differenceOf(id, known.get(id), observed(id))
          if (!event) continue
          if (event.type === 'changed') known.set(id, event.workspace)
          else known.delete(id)
          yield event
        }
      }
      await board.news()
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
    await Promise.all(parts.map(({ running }) => running))
  }
}

type Difference = Extract<WatchEvent, { readonly type: 'changed' | 'removed' }>

function differenceOf(
  id: string,
  before: ObservedWorkspace | undefined,
  now: ObservedWorkspace | undefined,
): Difference | undefined {
  if (now)
    return JSON.stringify(now) === JSON.stringify(before) ? undefined : { type: 'changed', workspace: now }
  return before && { type: 'removed', id }
}

/** Which workspaces something happened to, each once, and whether anything is new at all. */
class Board {
  #ids = new Set<string>()
  #news = false
  #wake: (() => void) | undefined
  readonly #changed: ((id: string) => void) | undefined

  constructor(changed: ((id: string) => void) | undefined) {
    this.#changed = changed
  }

  add(id: string | undefined): void {
    if (id !== undefined) {
      this.#changed?.(id)
      this.#ids.add(id)
    }
    this.wake()
  }

  wake(): void {
    this.#news = true
    this.#wake?.()
  }

  take(): readonly string[] {
    const ids = [...this.#ids]
    this.#ids.clear()
    return ids
  }

  async news(): Promise<void> {
    if (!this.#news) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    this.#news = false
  }
}

/** One collection as it is known. */
class Mirror<T extends WatchedObject> implements ReflectorHandler<T> {
  readonly objects = new Map<string, T>()
  failure: { readonly error: unknown } | undefined
  /** What it has holds. */
  current = false
  readonly #board: Board

  constructor(board: Board) {
    this.#board = board
  }

  ids(): string[] {
    return [...this.objects.values()].map(idOf).filter((id) => id !== undefined)
  }

  listed(objects: ReadonlyMap<string, T>): void {
    for (const object of [...this.objects.values(), ...objects.values()]) this.#board.add(idOf(object))
    this.objects.clear()
    for (const [name, object] of objects) this.objects.set(name, object)
  }

  changed(object: T): void {
    const name = object.metadata?.name
    if (name === undefined) return
    this.objects.set(name, object)
    this.#board.add(idOf(object))
  }

  removed(object: T): void {
    this.objects.delete(object.metadata?.name ?? '')
    this.#board.add(idOf(object))
  }

  failed(error: unknown): void {
    this.failure = { error }
    this.current = false
    this.#board.wake()
  }

  alive(): void {
    if (this.current) return
    this.current = true
    this.failure = undefined
    this.#board.wake()
  }
}

function idOf({ metadata }: WatchedObject & { metadata?: { labels?: Readonly<Record<string, string>> } }) {
  return metadata?.labels?.[labels.workspace] ?? idOfName(metadata?.name)
}
