import { type Detection, type Port, problem, type Sockets, toProblem, type Workspace } from '#contract'
import type { Links } from '../link/link'
import { Collection, type ReadonlyCollection, type RecordChange } from '../platform/collection'
import type { Disposer } from '../platform/disposable'
import type { EmitEvent, Handlers } from '../platform/handlers'
import type { Platform } from '../platform/platform'
import { Gate } from './gate'
import { type Router, type RouterBackend, startRouter } from './router'
import { announceRouter } from './router/directory'
import { originOf, urlNames } from './router/hosts'
import { trafficTo } from './traffic'
import { WorkspacePorts } from './workspace-ports'

export interface PortsDependencies {
  readonly platform: Platform
  /** Those whose ports are watched and forwarded. */
  readonly workspaces: ReadonlyCollection<Workspace>
  /** All there are, where `workspaces` is a part of them: names in URLs depend on all. */
  readonly everyWorkspace?: ReadonlyCollection<Workspace>
  readonly links: Links
  /** Whether a terminal of a workspace shows a number. */
  readonly shows?: (workspaceId: string, number: number) => boolean
  readonly emit: EmitEvent
}

export interface PortService {
  readonly ports: ReadonlyCollection<Port>
  readonly detections: ReadonlyCollection<Detection>
  readonly sockets: ReadonlyCollection<Sockets>
  /** Undefined until the first forward: a process that forwards nothing takes no port. */
  routerPort(): number | undefined
  onRouterPort(listener: () => void): Disposer
  readonly handlers: Pick<Handlers, 'ports.forward' | 'ports.stop' | 'ports.label'>
  readonly settled: Promise<void>
  dispose(): Promise<void>
}

/** How long a request waits for a port that is not known yet, milliseconds: an app may have come up just now. */
const APPEARS = 1500
/** Of what is not forwarded, so many are told: more than anybody reads. */
const MOST_OTHERS = 200

/** Detects what listens in each workspace, forwards it, and routes URLs to it. */
export function createPorts({
  platform,
  workspaces,
  everyWorkspace = workspaces,
  links,
  shows = () => false,
  emit,
}: PortsDependencies): PortService {
  const ports = new Collection<Port>()
  const detections = new Collection<Detection>()
  const sockets = new Collection<Sockets>()
  const all = new Map<string, WorkspacePorts>()
  const gate = new Gate({ workspaces, links, clock: platform.clock })
  const routerListeners = new Set<() => void>()
  let names: ReadonlyMap<string, string> = new Map()
  /** The workspaces' own names, from which those in URLs are made. */
  let named: ReadonlyMap<string, string> = new Map()
  let router: Router | undefined
  let unannounce: () => Promise<void> = async () => undefined
  let routerWork: Promise<void> | undefined
  let wantedPort = platform.settings.get().routerPort
  let disposed = false

  const backend: RouterBackend = {
    workspace(urlName) {
      for (const [id, name] of names) if (name === urlName) return workspaces.get(id)
      return undefined
    },
    urlName: (workspaceId) => names.get(workspaceId),
    port: (workspaceId, port) => all.get(workspaceId)?.entryPort(port),
    forwarded: () => ports.list().filter((port) => port.forward?.url !== undefined),
    async appears(workspaceId, port, signal) {
      if (workspaces.get(workspaceId)?.state !== 'running') return undefined
      links.get(workspaceId).stir()
      return new Promise((resolve) => {
        const controller = new AbortController()
        const finish = () => {
          void unwatch()
          signal.removeEventListener('abort', finish)
          controller.abort()
          resolve(ports.get(`${workspaceId}:${port}`))
        }
        const unwatch = ports.onChange(() => {
          if (ports.get(`${workspaceId}:${port}`)?.forward) finish()
        })
        signal.addEventListener('abort', finish, { once: true })
        platform.clock.sleep(APPEARS, controller.signal).then(finish, () => undefined)
      })
    },
    carries: (workspaceId, port) => trafficTo(links.get(workspaceId).activity, port, platform.clock),
    async reach(workspaceId, port, hold, signal) {
      return owned(workspaceId).reach(port, hold, signal)
    },
  }

  function changedRouter(): void {
    // First, so that whoever hears of a URL already finds its port.
    for (const listener of [...routerListeners]) listener()
    for (const each of all.values()) each.refresh()
  }

  function wantRouter(): Promise<void> {
    if (disposed) return Promise.resolve()
    routerWork ??= startRouter(backend, wantedPort, platform.logger).then(
      async (started) => {
        if (disposed) return started.close()
        router = started
        unannounce = await announceRouter(platform.folders.state, started.port, platform.logger)
        changedRouter()
      },
      (error: unknown) => {
        // Local addresses work without it.
        platform.logger.error('the router could not listen', { cause: toProblem(error).cause })
      },
    )
    return routerWork
  }

  function make(workspaceId: string): WorkspacePorts {
    return new WorkspacePorts({
      platform,
      link: links.get(workspaceId),
      workspace: () => workspaces.get(workspaceId),
      reach: (port, options, signal, words) => gate.reach(workspaceId, port, options, signal, words),
      url(id, port) {
        const name = names.get(id)
        const path = workspaces.get(id)?.definition.portsAttributes[String(port)]?.path ?? '/'
        return router && name !== undefined ? `${originOf(port, name, router.port)}${path}` : undefined
      },
      publish: (port) => ports.set(port),
      remove: (id) => ports.delete(id),
      blind: (problem) =>
        problem ? detections.set({ id: workspaceId, problem }) : detections.delete(workspaceId),
      others(listeners) {
        const more = Math.max(0, listeners.length - MOST_OTHERS)
        const told = { id: workspaceId, listeners: listeners.slice(0, MOST_OTHERS), more }
        const before = sockets.get(workspaceId)
        if (listeners.length === 0) sockets.delete(workspaceId)
        else if (JSON.stringify(told) !== JSON.stringify(before)) sockets.set(told)
      },
      shows: (port) => shows(workspaceId, port),
      opened: (event) => emit('port.opened', event),
      wantRouter,
      forgotten: (port) => router?.forget(workspaceId, port),
    })
  }

  type Change = Pick<RecordChange<Workspace>, 'upserts' | 'removes'>

  /** One that comes, goes or is renamed may give others their names back, or take them. */
  function followNames({ upserts, removes }: Change): void {
    if (removes.length === 0 && upserts.every(({ id, name }) => named.get(id) === name)) return
    const before = names
    const now = everyWorkspace.list()
    named = new Map(now.map(({ id, name }) => [id, name]))
    names = urlNames(now)
    for (const [id, each] of all) if (names.get(id) !== before.get(id)) each.refresh()
  }

  /** One that is stopped is not looked at before it starts, or is asked for: there may be thousands. */
  function follow({ upserts, removes }: Change): void {
    for (const { id, state } of upserts) {
      const present = all.get(id)
      if (present) present.refresh()
      else if (state !== 'stopped') all.set(id, make(id))
    }
    for (const id of removes) {
      const gone = all.get(id)
      all.delete(id)
      void gone?.dispose(true)
    }
  }

  // Names first: whoever comes has its URL at once.
  const unwatchEvery = everyWorkspace.onChange(followNames)
  const unwatch = workspaces.onChange(follow)
  const unwatchSettings = platform.settings.onChange((settings) => {
    for (const each of all.values()) each.refresh()
    if (settings.routerPort === wantedPort) return
    wantedPort = settings.routerPort
    if (!routerWork) return
    const before = routerWork
    routerWork = before.then(async () => {
      const old = router
      router = undefined
      await unannounce()
      await old?.close()
      routerWork = undefined
      await wantRouter()
    })
  })
  followNames({ upserts: everyWorkspace.list(), removes: [] })
  follow({ upserts: workspaces.list(), removes: [] })

  function owned(workspaceId: string): WorkspacePorts {
    const present = all.get(workspaceId)
    if (present) return present
    if (disposed || !workspaces.get(workspaceId)) throw unknownWorkspace(workspaceId)
    const made = make(workspaceId)
    all.set(workspaceId, made)
    return made
  }

  return {
    ports,
    detections,
    sockets,
    routerPort: () => router?.port,
    onRouterPort(listener) {
      routerListeners.add(listener)
      return () => {
        routerListeners.delete(listener)
      }
    },
    handlers: {
      'ports.forward': async ({ workspaceId, port, localPort, label, protocol }) =>
        owned(workspaceId).forward(port, {
          ...(localPort === undefined ? {} : { localPort }),
          ...(label === undefined ? {} : { label }),
          ...(protocol === undefined ? {} : { protocol }),
        }),
      'ports.stop': async ({ workspaceId, port }) => {
        await owned(workspaceId).stop(port)
        return {}
      },
      'ports.label': async ({ workspaceId, port, label }) => {
        owned(workspaceId).label(port, label)
        return {}
      },
    },
    settled: Promise.resolve(),
    async dispose() {
      disposed = true
      await unwatch()
      await unwatchEvery()
      await unwatchSettings()
      await Promise.all([...all.values()].map((each) => each.dispose(false)))
      all.clear()
      await routerWork
      await unannounce()
      await router?.close()
      routerListeners.clear()
    },
  }
}

function unknownWorkspace(workspaceId: string) {
  return problem({
    code: 'not-found',
    title: 'There is no such workspace',
    cause: `Berth does not know a workspace ${workspaceId}, or does not forward its ports in this process.`,
    remedy: 'Refresh the list of workspaces.',
  })
}
