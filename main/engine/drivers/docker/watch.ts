import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../platform/clock'
import type { Logger } from '../../platform/logger'
import type { ObservedWorkspace, WatchEvent } from '../driver'
import type { ContainerInspect, ContainerSummary, EngineEvent, VolumeList, VolumeSummary } from './api'
import type { EngineClient } from './client'
import { labels, managedFilter, serviceFilter, workspaceFilter } from './container/anatomy'
import { QUICK } from './container/locate'
import { observe } from './container/observe'
import { isStatus, toEngineProblem } from './problems'
import { readJsonLines } from './streams/json-lines'

/** Milliseconds between two questions whether the engine still answers: a half-open connection says nothing. */
const HEARTBEAT = { every: 10_000, timeout: 10_000 }
/** Milliseconds between attempts to reach an engine that went away. */
const BACKOFF = { first: 250, local: 2_000, remote: 30_000 }

const containerActions = [
  'create',
  'start',
  'die',
  'destroy',
  'rename',
  'pause',
  'unpause',
  'oom',
  'stop',
  'kill',
  'health_status',
]

export interface WatchDependencies {
  readonly client: EngineClient
  readonly clock: Clock
  readonly logger: Logger
  readonly local: boolean
  /** Called when the engine went away, and with an id when a workspace's containers changed. */
  readonly forget: (id?: string) => void
  /** Called with what there is of workspaces and of services after each look at them. */
  readonly tend: (workspaces: readonly ContainerInspect[], services: readonly ContainerInspect[]) => void
}

/** See {@link Driver.watch}. */
export async function* watchWorkspaces(
  dependencies: WatchDependencies,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { client, clock, logger, local } = dependencies
  let pause = BACKOFF.first
  let said = false
  while (!signal.aborted) {
    try {
      for await (const event of connection(dependencies, signal)) {
        said = false
        pause = BACKOFF.first
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      client.forgetConnection()
      dependencies.forget()
      const { problem } = toEngineProblem(error, {
        title: `The Docker engine "${client.identity.targetName}" cannot be reached`,
        ...client.identity,
      })
      logger.debug('docker watch ended', { target: client.identity.targetName, code: problem.code })
      if (!said) {
        said = true
        yield { type: 'unreachable', problem: problem.code === 'connection-lost' ? gone(problem) : problem }
      }
    }
    try {
      await clock.sleep(pause, signal)
    } catch {
      return
    }
    pause = Math.min(pause * 2, local ? BACKOFF.local : BACKOFF.remote)
  }
}

function gone<T extends { readonly code: string }>(problem: T) {
  return { ...problem, code: 'target-unreachable' as const }
}

/** One connection's life: subscribes to the events first and lists then, so that nothing between the two is missed. */
async function* connection(dependencies: WatchDependencies, signal: AbortSignal): AsyncGenerator<WatchEvent> {
  const { client } = dependencies
  const controller = new AbortController()
  const onAbort = () => controller.abort(signal.reason)
  if (signal.aborted) return
  signal.addEventListener('abort', onAbort, { once: true })
  let events: IncomingMessage | undefined
  try {
    events = await client.stream('GET', '/events', {
      query: {
        filters: JSON.stringify({ type: ['container', 'volume'], event: containerActions }),
      },
      timeout: QUICK,
      signal: controller.signal,
    })
    const dirty = new DirtySet()
    const reading = readEvents(events, dirty, dependencies)
    const heart = heartbeat(dependencies, events, controller.signal)
    try {
      // The engine sends the head of its answer just before it subscribes: one round trip later it has.
      await ping(client, controller.signal)
      const known = await list(dependencies, controller.signal)
      yield { type: 'snapshot', workspaces: [...known.values()] }
      for (;;) {
        const ids = await dirty.next()
        if (ids === 'ended') break
        for (const id of ids) {
          const now = await listOne(dependencies, id, controller.signal)
          const before = known.get(id)
          if (now && JSON.stringify(now) !== JSON.stringify(before)) {
            known.set(id, now)
            yield { type: 'changed', workspace: now }
          } else if (!now && before) {
            known.delete(id)
            yield { type: 'removed', id }
          }
        }
      }
      await reading
      if (!signal.aborted) throw await heart.failure()
    } finally {
      heart.stop()
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    controller.abort()
    events?.destroy()
  }
}

/** Ids of workspaces that something happened to, each once. */
class DirtySet {
  readonly #ids = new Set<string>()
  #wake: (() => void) | undefined
  #ended = false

  add(id: string): void {
    this.#ids.add(id)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async next(): Promise<readonly string[] | 'ended'> {
    while (this.#ids.size === 0) {
      if (this.#ended) return 'ended'
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    const ids = [...this.#ids]
    this.#ids.clear()
    return ids
  }
}

async function readEvents(
  events: IncomingMessage,
  dirty: DirtySet,
  { forget }: WatchDependencies,
): Promise<void> {
  try {
    for await (const event of readJsonLines<EngineEvent>(events)) {
      const id = workspaceOf(event)
      if (!id) continue
      if (event.Action === 'create' || event.Action === 'destroy' || event.Action === 'rename') forget(id)
      dirty.add(id)
    }
  } catch {
    // The connection's end, however it came, is the end of the events; the heartbeat's answer tells why.
  } finally {
    dirty.end()
  }
}

/** A container's labels are part of its events; of a volume only the name is known. */
function workspaceOf(event: EngineEvent): string | undefined {
  if (event.Type === 'volume')
    return /^berth-([a-z][a-z0-9]{9})-(?:source|home|name|notes-[a-z0-9]+)$/.exec(event.Actor.ID)?.[1]
  return event.Actor.Attributes?.[labels.workspace] ?? event.Actor.Attributes?.[labels.serviceOf]
}

/** Asks the engine for a sign of life and ends `events` when none comes. */
function heartbeat(
  { client, clock, logger }: WatchDependencies,
  events: IncomingMessage,
  signal: AbortSignal,
) {
  const controller = new AbortController()
  let failed: unknown
  const stop = () => controller.abort()
  signal.addEventListener('abort', stop, { once: true })
  const beat = async () => {
    while (!controller.signal.aborted) {
      await clock.sleep(HEARTBEAT.every, controller.signal)
      await ping(client, signal)
    }
  }
  beat().catch((error: unknown) => {
    if (controller.signal.aborted) return
    logger.info('docker: no sign of life from the engine', { target: client.identity.targetName })
    failed = error
    events.destroy()
  })
  return {
    stop,
    /** Why the events ended: what the engine answers now, or that it ended them. */
    failure: async (): Promise<unknown> => {
      if (failed) return failed
      try {
        await ping(client, signal)
      } catch (error) {
        return error
      }
      return Object.assign(new Error('connection lost: the engine ended its events'), { code: 'ECONNRESET' })
    },
  }
}

async function ping(client: EngineClient, signal: AbortSignal): Promise<void> {
  await client.head('/_ping', { timeout: HEARTBEAT.timeout, signal })
}

async function list(
  { client, tend }: WatchDependencies,
  signal: AbortSignal,
): Promise<Map<string, ObservedWorkspace>> {
  const [containers, volumes] = await Promise.all([
    inspectAll(client, [managedFilter], signal),
    listVolumes(client, [managedFilter], signal),
  ])
  tend(...apart(containers))
  return observe(containers, volumes)
}

async function listOne(
  { client, tend }: WatchDependencies,
  id: string,
  signal: AbortSignal,
): Promise<ObservedWorkspace | undefined> {
  const own = [managedFilter, workspaceFilter(id)]
  const [workspace, services, volumes] = await Promise.all([
    inspectAll(client, own, signal),
    inspectAll(client, [managedFilter, serviceFilter(id)], signal),
    listVolumes(client, own, signal),
  ])
  tend(workspace, services)
  return observe([...workspace, ...services], volumes).get(id)
}

function apart(containers: readonly ContainerInspect[]): [ContainerInspect[], ContainerInspect[]] {
  const isService = ({ Config }: ContainerInspect) => Config.Labels?.[labels.serviceOf] !== undefined
  return [containers.filter((one) => !isService(one)), containers.filter(isService)]
}

async function listVolumes(
  client: EngineClient,
  label: readonly string[],
  signal: AbortSignal,
): Promise<readonly VolumeSummary[]> {
  const query = { filters: JSON.stringify({ label }) }
  const { Volumes } = await client.json<VolumeList>('GET', '/volumes', { query, timeout: QUICK, signal })
  return Volumes ?? []
}

async function inspectAll(
  client: EngineClient,
  label: readonly string[],
  signal: AbortSignal,
): Promise<ContainerInspect[]> {
  const summaries = await client.json<ContainerSummary[]>('GET', '/containers/json', {
    query: { filters: JSON.stringify({ label }), all: true },
    timeout: QUICK,
    signal,
  })
  const inspected = await Promise.all(
    summaries.map((summary) =>
      client
        .json<ContainerInspect>('GET', `/containers/${summary.Id}/json`, { timeout: QUICK, signal })
        .catch((error: unknown) => {
          if (isStatus(error, 404)) return undefined // Removed since it was listed.
          throw error
        }),
    ),
  )
  return inspected.filter((inspect) => inspect !== undefined)
}
