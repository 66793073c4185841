import {
  defaultTarget,
  type Operation,
  type PolicyRecord,
  type Problem,
  problem,
  type StreamOpen,
  type Target,
  type Workspace,
} from '#contract'
import type { Driver, DriverProvider, ObservedWorkspace, WatchEvent } from '../drivers/driver'
import type { Links } from '../link/link'
import { Collection, type ReadonlyCollection, waitFor } from '../platform/collection'
import type { EmitEvent } from '../platform/handlers'
import type { MessageEndpoint } from '../platform/message-port'
import type { Platform } from '../platform/platform'
import type { ActionContext } from './actions/context'
import type { BeginTask } from './actions/tasks'
import { noVariables, type WorkspaceVariables } from './actions/variables'
import { GivenBuildSecrets } from './builds/given-secrets'
import { Guard } from './guard'
import { createHandlers, type WorkspaceHandlers } from './handlers'
import { createIdle, type Idle } from './idle/index'
import { Locks } from './locks'
import { serveLogs } from './logs'
import { Observations } from './observations'
import { Operations } from './operations'
import { thisOwner } from './owner'
import { Governance } from './policy/governance'
import { PolicyStore } from './policy/store'
import { reconcile } from './reconcile'
import { startLeftStopped } from './snapshots/left-stopped'
import { Targets } from './targets'
import { sweepTemporaryFolders } from './temporary'
import { untilTold } from './told'

export interface WorkspaceServiceOptions {
  readonly platform: Platform
  readonly providers: readonly DriverProvider[]
  readonly emit: EmitEvent
  /** Asked for when first needed: links are made from this service's workspaces. */
  readonly links: () => Links
  /** Begins a task of a workspace that has become ready. Absent: they are left alone. */
  readonly beginTask?: BeginTask
  /** Asked for when first needed, like links. Absent: workspaces get none. */
  readonly variables?: () => WorkspaceVariables
  /** Whether this process goes on, and keeps the team's policies current meanwhile. Absent: no. */
  readonly livesOn?: boolean
}

/** Targets, the workspaces on them, and everything that is done to these. */
export interface WorkspaceService {
  readonly targets: ReadonlyCollection<Target>
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly operations: ReadonlyCollection<Operation>
  readonly policies: ReadonlyCollection<PolicyRecord>
  readonly handlers: WorkspaceHandlers
  driverOf(workspaceId: string): Driver | undefined
  openLogs(input: StreamOpen<'logs'>, port: MessageEndpoint): void
  /** Looks after some of the workspaces, in which nobody may do anything for too long. */
  attend(followed: ReadonlyCollection<Workspace>, work: (workspaceId: string) => string | undefined): Idle
  /** Resolves once every target has answered, or failed to, for the first time. */
  readonly settled: Promise<void>
  /** Cancels what is under way, waits until it has cleaned up, and closes all connections. */
  dispose(): Promise<void>
}

/** How long cleaning up may take before it is left for when the target answers again, milliseconds. */
const cleaningTime = 60_000
/** The same while Berth ends, and somebody waits for it to be gone. */
const lastCleaningTime = 10_000

const noTasks: BeginTask = async () => {
  throw problem({
    code: 'unsupported',
    title: 'There are no terminals here',
    cause: 'What runs here opens none.',
    remedy: 'Run it in a terminal of your own.',
  })
}

interface Cleaning {
  readonly what: string
  readonly undo: (driver: Driver, signal: AbortSignal) => Promise<void>
}

class Service {
  readonly workspaces = new Collection<Workspace>()
  readonly operations: Operations
  readonly targets: Targets
  readonly policies: PolicyStore
  readonly #platform: Platform
  readonly #options: WorkspaceServiceOptions
  readonly #locks: Locks
  readonly #guard: Guard
  readonly #owner: string
  readonly #buildSecrets = new GivenBuildSecrets()
  readonly #observed = new Observations()
  readonly #heard = new Set<string>()
  readonly #mishaps = new Map<string, Problem>()
  readonly #cleanings = new Map<string, Cleaning[]>()
  #ending = false
  readonly #forgetting = new Set<string>()
  readonly #sweeping: Promise<void>
  readonly #watchers = new Set<(workspaceId: string) => void>()
  readonly settled: Promise<void>

  constructor(options: WorkspaceServiceOptions) {
    const { platform, providers, emit } = options
    this.#options = options
    this.#platform = platform
    this.#owner = thisOwner(platform.env)
    this.policies = new PolicyStore(platform)
    if (options.livesOn) this.policies.keepCurrent()
    this.operations = new Operations(platform, emit)
    this.#locks = new Locks(platform, () => this.#refreshAll())
    this.#guard = new Guard(platform, this.operations, this.#locks, (id) => this.#refresh(id))
    this.targets = new Targets(platform, providers, {
      onWatch: (targetId, event) => this.#watched(targetId, event),
      onTarget: (targetId) => this.#targetChanged(targetId),
    })
    const locksRead = this.#locks.start().catch((error: unknown) => {
      platform.logger.error('Locks cannot be read', { error: String(error) })
    })
    this.#sweeping = sweepTemporaryFolders(platform)
    this.settled = Promise.all([this.targets.start(), locksRead]).then(() => undefined)
  }

  #watched(targetId: string, event: WatchEvent): void {
    switch (event.type) {
      case 'snapshot': {
        this.#observed.replace(targetId, event.workspaces)
        this.#heard.add(targetId)
        this.#refreshAll()
        void this.#cleanAgain(targetId)
        // One that is about to end would take a start back.
        if (this.#options.livesOn) void startLeftStopped(this.context(), this.targets.driver(targetId)?.data)
        return
      }
      case 'changed':
        this.#observed.set(targetId, event.workspace)
        this.#refresh(event.workspace.id)
        return
      case 'removed':
        this.#observed.delete(targetId, event.id)
        this.#refresh(event.id)
        return
      case 'unreachable':
        return
    }
  }

  #targetChanged(targetId: string): void {
    if (!this.targets.collection.get(targetId)) {
      this.#observed.replace(targetId, [])
      this.#heard.delete(targetId)
    }
    this.#refreshAll()
  }

  #refreshAll(): void {
    const ids = new Set([
      ...this.#observed.ids(),
      ...this.workspaces.list().map(({ id }) => id),
      ...this.#locks.others.keys(),
    ])
    this.workspaces.together(() => {
      for (const id of ids) this.#refresh(id)
    })
  }

  /** What is known of a workspace, from the target that can be reached where several lead to one engine. */
  #known(id: string): { readonly targetId: string; readonly observed: ObservedWorkspace } | undefined {
    return this.#observed.get(id, (targetId) => {
      const target = this.targets.collection.get(targetId)
      return (target?.state === 'ready' ? 2 : 0) + (target?.isDefault ? 1 : 0)
    })
  }

  /** Works out one workspace's record anew from all that is known of it. */
  #refresh(id: string): void {
    const known = this.#known(id)
    const own = this.#guard.state(id)
    const other = this.#locks.others.get(id)
    const targetId = known?.targetId ?? own?.draft?.targetId ?? other?.content.targetId ?? ''
    const { kind, phase } = other?.content ?? { kind: 'start' as const, phase: '' }
    const draft = own?.draft ?? (other?.alive ? other.content.draft : undefined)
    const mishap = this.#mishaps.get(id)
    const record = reconcile({
      targetId,
      target: this.targets.collection.get(targetId),
      owner: this.#owner,
      ...(known ? { observed: known.observed } : {}),
      ...(draft ? { draft } : {}),
      ...(own?.override ? { override: own.override } : {}),
      ...(own ? { action: { kind: own.kind, phase: own.phase, elsewhere: false } } : {}),
      ...(!own && other?.alive ? { action: { kind, phase, elsewhere: true } } : {}),
      ...(!own && other && !other.alive ? { interrupted: { kind, phase } } : {}),
      ...(mishap ? { mishap } : {}),
    })
    if (!record && other && !other.alive && this.#heard.has(targetId)) void this.#forgetKilled(targetId, id)
    if (!record) {
      this.#mishaps.delete(id)
      this.workspaces.delete(id)
    } else {
      const before = this.workspaces.get(id)
      if (!before || JSON.stringify(record) !== JSON.stringify(before)) this.workspaces.set(record)
    }
    for (const watcher of [...this.#watchers]) watcher(id)
  }

  /**
   * Of what a killed process was making no workspace is left, but perhaps an image or a volume. After that its lock
   * tells nothing more.
   */
  async #forgetKilled(targetId: string, id: string): Promise<void> {
    if (this.#forgetting.has(id)) return
    this.#forgetting.add(id)
    const done = await this.#clean(targetId, {
      what: id,
      undo: (driver, signal) => driver.discard(id, signal),
    })
    if (done) await this.#locks.forget(id)
    this.#forgetting.delete(id)
  }

  /** What the handlers and actions work with. */
  context(): ActionContext {
    return {
      platform: this.#platform,
      guard: this.#guard,
      links: this.#options.links,
      beginTask: this.#options.beginTask ?? noTasks,
      variables: this.#options.variables ?? (() => noVariables),
      buildSecrets: this.#buildSecrets,
      owner: this.#owner,
      target: async (id, signal) => {
        const preferred = async () => this.policies.preferred(this.targets.collection.list(), signal)
        return this.#target(id ?? (await preferred()), signal)
      },
      govern: async (target, driver, asked, signal) =>
        new Governance(await this.policies.holding(target, driver, signal), target, this.#platform, asked),
      policiesOf: async (workspaceId, signal) => {
        const { target, driver } = await this.#target(this.#known(workspaceId)?.targetId, signal)
        return this.policies.holding(target, driver, signal)
      },
      workspacesOn: (id) => this.workspaces.list().filter(({ targetId }) => targetId === id),
      workspace: (id) => {
        const workspace = this.workspaces.get(id)
        if (workspace) return workspace
        throw problem({
          code: 'not-found',
          title: 'There is no such workspace',
          cause: `No target that can be reached has the workspace ${id}.`,
          remedy: 'It may have been deleted, or its target be out of reach.',
        })
      },
      observed: (id) => this.#known(id)?.observed,
      dataVerbs: () =>
        this.targets.collection.list().flatMap(({ id: targetId, state }) => {
          const data = state === 'ready' ? this.targets.driver(targetId)?.data : undefined
          return data ? [{ targetId, data }] : []
        }),
      takenNames: (except) =>
        new Set(this.workspaces.list().flatMap(({ id, name }) => (id === except ? [] : [name]))),
      mishap: (id, found) => {
        if (found) this.#mishaps.set(id, found)
        else this.#mishaps.delete(id)
        this.#refresh(id)
      },
      cleanUp: (targetId, what, undo) => this.#cleanUp(targetId, { what, undo }),
      settle: (id, predicate) => this.#settle(id, predicate),
    }
  }

  async #target(asked: string | undefined, signal: AbortSignal): Promise<{ target: Target; driver: Driver }> {
    const { collection } = this.targets
    const wanted = asked ?? this.#platform.settings.get().defaultTarget
    const all = collection.list()
    const chosen = wanted !== undefined ? collection.get(wanted) : defaultTarget(all)
    if (!chosen) {
      throw problem({
        code: 'not-found',
        title: wanted === undefined ? 'There is no target' : `There is no target ${wanted}`,
        cause:
          all.length === 0
            ? 'No Docker engine and no Kubernetes context is configured.'
            : `There are: ${all.map(({ id }) => id).join(', ')}.`,
        remedy: 'Install Docker, add a kubeconfig, or choose another target.',
      })
    }
    const target = await waitFor(collection, chosen.id, (record) => record?.state !== 'connecting', signal)
    const driver = this.targets.driver(chosen.id)
    if (target?.state === 'ready' && driver) return { target, driver }
    throw problem(
      target?.problem ?? {
        code: 'target-unreachable',
        title: `${chosen.name} cannot be reached`,
        cause: 'It is not configured any more.',
        remedy: 'Configure it again, or choose another target.',
      },
    )
  }

  async #cleanUp(targetId: string, cleaning: Cleaning): Promise<void> {
    if (await this.#clean(targetId, cleaning)) return
    this.#cleanings.set(targetId, [...(this.#cleanings.get(targetId) ?? []), cleaning])
  }

  async #clean(targetId: string, { what, undo }: Cleaning): Promise<boolean> {
    const driver = this.targets.driver(targetId)
    if (!driver) return false
    try {
      await undo(driver, AbortSignal.timeout(this.#ending ? lastCleaningTime : cleaningTime))
      return true
    } catch (error) {
      this.#platform.logger.warn('Cleaning up is left for later', { targetId, what, error: String(error) })
      return false
    }
  }

  async #cleanAgain(targetId: string): Promise<void> {
    const waiting = this.#cleanings.get(targetId) ?? []
    this.#cleanings.delete(targetId)
    for (const cleaning of waiting) await this.#cleanUp(targetId, cleaning)
  }

  async #settle(id: string, predicate: (observed: ObservedWorkspace | undefined) => boolean): Promise<void> {
    const targetId = () => this.#known(id)?.targetId ?? this.workspaces.get(id)?.targetId ?? ''
    await untilTold({
      isTold: () => predicate(this.#known(id)?.observed),
      isAway: () => this.targets.collection.get(targetId())?.state === 'unreachable',
      watch: (look) => {
        const watcher = (changed: string) => {
          if (changed === id) look()
        }
        this.#watchers.add(watcher)
        return () => this.#watchers.delete(watcher)
      },
    })
  }

  driverOf(workspaceId: string): Driver | undefined {
    const targetId = this.workspaces.get(workspaceId)?.targetId
    return targetId === undefined ? undefined : this.targets.driver(targetId)
  }

  async dispose(): Promise<void> {
    this.#ending = true
    await this.#guard.dispose()
    await this.policies.dispose()
    await this.targets.dispose()
    await this.#locks.dispose()
    // One that ends at once, such as a list, would leave it half done.
    await this.#sweeping
  }
}

/** See {@link WorkspaceService}. */
export function createWorkspaceService(options: WorkspaceServiceOptions): WorkspaceService {
  const service = new Service(options)
  const { targets, operations, workspaces } = service
  return {
    targets: targets.collection,
    workspaces,
    operations: operations.collection,
    policies: service.policies.records,
    handlers: createHandlers({ context: service.context(), operations, targets, policies: service.policies }),
    driverOf: (id) => service.driverOf(id),
    attend: (followed, work) =>
      createIdle({
        context: service.context(),
        workspaces: followed,
        driverOf: (id) => service.driverOf(id),
        emit: options.emit,
        work,
      }),
    openLogs: (input, port) =>
      serveLogs(input, service.driverOf(input.workspaceId), port, options.platform.logger),
    settled: service.settled,
    dispose: () => service.dispose(),
  }
}
