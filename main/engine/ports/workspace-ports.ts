import type { Duplex } from 'node:stream'
import {
  type EventPayload,
  type OtherListener,
  type Port,
  type Problem,
  ProblemError,
  toProblem,
  type Workspace,
} from '#contract'
import type { FirstWords, Link, ListeningTable } from '../link/link'
import type { Platform } from '../platform/platform'
import { attributesOf, type EffectiveAttributes, FIRST_EPHEMERAL } from './attributes'
import {
  doubtOf,
  type Entry,
  groupByPort,
  grow,
  isAnnounced,
  isPassing,
  isUnseen,
  LASTS,
  LINGERS,
  newEntry,
  notKnown,
  silence,
  stateOf,
} from './entry'
import { openForward } from './forward'
import { trafficTo } from './traffic'

/** How often a port is tried where its listening table cannot be read, milliseconds. */
const TRY_EVERY = 3000
/** A port that was there at the engine's first look is news only in a workspace that came up just now. */
const NEWS = 60_000
/** How long a port that the system gave by chance is remembered after it stopped listening. */
const FORGET_EPHEMERAL = 10 * 60_000
/** For how long after it began to listen terminals are looked at for a port's number, milliseconds. */
const LOOK_FOR = 60_000
/** Between two announcements of a port's number of connections. */
const COUNT_EVERY = 200

export interface WorkspacePortsDependencies {
  readonly platform: Platform
  readonly link: Link
  readonly workspace: () => Workspace | undefined
  readonly reach: (
    port: number,
    options: { hold: boolean; expected: boolean },
    signal: AbortSignal,
    words?: FirstWords,
  ) => Promise<Duplex>
  /** Absent for as long as there is no router. */
  readonly url: (workspaceId: string, port: number) => string | undefined
  readonly publish: (port: Port) => void
  readonly remove: (id: string) => void
  /** Whether ports show up by themselves: with the Problem they do not. */
  readonly blind: (problem: Problem | undefined) => void
  /** What else listens. */
  readonly others: (listeners: readonly OtherListener[]) => void
  /** Whether a terminal of the workspace shows this number. */
  readonly shows: (port: number) => boolean
  readonly opened: (event: EventPayload<'port.opened'>) => void
  /** A forward exists now: the router is wanted. Resolves when it listens. */
  readonly wantRouter: () => Promise<void>
  readonly forgotten: (port: number) => void
}

/** The ports of one workspace: what listens, what is to be forwarded, and its local addresses. */
export class WorkspacePorts {
  readonly #dependencies: WorkspacePortsDependencies
  readonly #entries = new Map<number, Entry>()
  readonly #ended = new AbortController()
  #table: ListeningTable | undefined
  #firstTable = true
  #incarnation: string | undefined
  #counting: NodeJS.Timeout | undefined
  #trying: NodeJS.Timeout | undefined
  /** Until the next port has listened for long enough, or may be shown by a terminal. */
  #waiting: NodeJS.Timeout | undefined

  constructor(dependencies: WorkspacePortsDependencies) {
    this.#dependencies = dependencies
    void this.#follow()
    this.refresh()
  }

  entryPort(port: number): Port | undefined {
    const entry = this.#entries.get(port)
    const workspace = this.#dependencies.workspace()
    return entry && workspace ? this.#describe(entry, workspace) : undefined
  }

  ports(): readonly Port[] {
    return [...this.#entries.keys()].flatMap((port) => this.entryPort(port) ?? [])
  }

  /** The workspace, its name, or a setting changed. */
  refresh(): void {
    const workspace = this.#dependencies.workspace()
    if (!workspace || this.#ended.signal.aborted) return
    if (workspace.incarnation !== undefined && workspace.incarnation !== this.#incarnation) {
      this.#incarnation = workspace.incarnation
      // Of the run before; a link yields anew for each run.
      this.#table = undefined
      for (const entry of this.#entries.values()) delete entry.problem
    }
    if (workspace.state === 'running') this.#declare(workspace)
    for (const entry of this.#entries.values()) {
      this.#settle(entry, workspace)
      this.#publish(entry)
    }
  }

  async forward(
    port: number,
    options: { localPort?: number; label?: string; protocol?: Port['protocol'] },
  ): Promise<{ localPort: number; url?: string }> {
    const known = this.#entries.has(port)
    const entry = this.#entry(port, 'manual')
    const before = entry.stopped
    try {
      await this.#inOrder(entry, () => this.#open(entry, options.localPort, options.localPort !== undefined))
    } catch (error) {
      entry.stopped = before
      if (!known) this.#drop(entry)
      throw error
    }
    entry.manual = true
    entry.stopped = false
    if (options.label !== undefined) entry.label = options.label
    if (options.protocol) entry.protocol = options.protocol
    this.#publish(entry)
    this.#tryUnseen()
    const described = this.entryPort(port)
    return {
      localPort: entry.server?.localPort ?? port,
      ...(described?.forward?.url ? { url: described.forward.url } : {}),
    }
  }

  async stop(port: number): Promise<void> {
    const entry = this.#known(port)
    entry.stopped = true
    entry.manual = false
    delete entry.problem
    await this.#inOrder(entry, () => this.#shut(entry))
    if (entry.listeners.length === 0 && entry.origin !== 'definition') this.#drop(entry)
    else this.#publish(entry)
  }

  label(port: number, label: string): void {
    const entry = this.#known(port)
    if (label === '') delete entry.label
    else entry.label = label
    this.#publish(entry)
  }

  /** A connection for the router; counted with those of the local address. */
  async reach(port: number, hold: boolean, signal: AbortSignal): Promise<Duplex> {
    const entry = this.#entries.get(port)
    if (!entry) throw notKnown(port)
    return this.#reach(entry, hold, signal)
  }

  /** Ends all; with `forget` the ports vanish too. */
  async dispose(forget: boolean): Promise<void> {
    this.#ended.abort()
    clearTimeout(this.#counting)
    clearTimeout(this.#trying)
    clearTimeout(this.#waiting)
    const entries = [...this.#entries.values()]
    await Promise.all(entries.map((entry) => this.#inOrder(entry, () => this.#shut(entry))))
    if (!forget) return
    for (const entry of entries) this.#drop(entry)
    this.#dependencies.blind(undefined)
    this.#dependencies.others([])
  }

  // --- what listens

  async #follow(): Promise<void> {
    for await (const table of this.#dependencies.link.listeners(this.#ended.signal)) {
      this.#take(table)
    }
  }

  #take(table: ListeningTable): void {
    const workspace = this.#dependencies.workspace()
    if (!workspace || this.#ended.signal.aborted) return
    this.#table = table
    this.#dependencies.blind(table.available ? undefined : table.problem)
    this.#dependencies.others(table.available ? table.others : [])
    const now = this.#dependencies.platform.clock.now()
    if (table.available) {
      const byPort = groupByPort(table.listeners)
      for (const [port, listeners] of byPort) {
        const entry = this.#entry(port, 'detected')
        // Back again: what was in the way of its forward may be gone.
        if (entry.listeners.length === 0 && !entry.server) delete entry.problem
        if (entry.listeners.length === 0) entry.since = now
        entry.listeners = listeners
        entry.lastSeen = now
        entry.liveIn = workspace.incarnation ?? ''
      }
      for (const entry of this.#entries.values()) if (!byPort.has(entry.port)) silence(entry, now)
    } else {
      for (const entry of this.#entries.values()) silence(entry, now)
    }
    const old = this.#firstTable && this.#age(workspace) > NEWS
    if (table.available) this.#firstTable = false
    this.#settleAll(workspace, old)
    this.#tryUnseen()
    this.#wait()
  }

  /** @param old what listens has done so for long, and is no news */
  #settleAll(workspace: Workspace, old: boolean): void {
    for (const entry of [...this.#entries.values()]) {
      if (this.#isForgettable(entry)) {
        void this.#inOrder(entry, () => this.#shut(entry))
        this.#drop(entry)
        continue
      }
      this.#settle(entry, workspace)
      if (old && entry.listeners.length > 0) {
        entry.announcedIn = workspace.incarnation ?? ''
        entry.announcedOnce = true
      }
      this.#publish(entry)
      this.#announce(entry, workspace)
    }
  }

  /** Looks again when a port has turned out to be more than a passing one, or less, or may be in a terminal. */
  #wait(): void {
    if (this.#waiting || this.#ended.signal.aborted || !this.#table?.available) return
    const now = this.#dependencies.platform.clock.now()
    const isOpen = (entry: Entry) =>
      isPassing(entry) ||
      (entry.listeners.length > 0 && now - entry.since < (isUnseen(entry) ? LOOK_FOR : LASTS))
    if (![...this.#entries.values()].some(isOpen)) return
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined
      this.#lookAgain()
      this.#wait()
    }, LASTS)
  }

  #lookAgain(): void {
    const workspace = this.#dependencies.workspace()
    if (!workspace) return
    const now = this.#dependencies.platform.clock.now()
    for (const entry of this.#entries.values()) grow(entry, now, this.#dependencies.shows)
    this.#settleAll(workspace, false)
  }

  #age(workspace: Workspace): number {
    return this.#dependencies.platform.clock.now() - (workspace.startedAt ?? workspace.createdAt)
  }

  #isForgettable(entry: Entry): boolean {
    if (entry.origin !== 'detected' || entry.manual || entry.listeners.length > 0 || entry.label) return false
    const now = this.#dependencies.platform.clock.now()
    if (isPassing(entry) && now - entry.until >= LINGERS) return this.#table?.available === true
    if (!entry.server) return !entry.stopped || this.#table?.available === true
    const gone = now - entry.lastSeen
    return entry.port >= FIRST_EPHEMERAL && !entry.used && gone > FORGET_EPHEMERAL
  }

  #declare(workspace: Workspace): void {
    for (const port of workspace.definition.forwardPorts) {
      const entry = this.#entry(port, 'definition')
      entry.origin = 'definition'
    }
  }

  #entry(port: number, origin: Port['origin']): Entry {
    let entry = this.#entries.get(port)
    if (!entry) {
      entry = newEntry(port, origin, this.#dependencies.platform.clock.now())
      this.#entries.set(port, entry)
    }
    return entry
  }

  #known(port: number): Entry {
    const entry = this.#entries.get(port)
    if (!entry) throw notKnown(port)
    return entry
  }

  #drop(entry: Entry): void {
    const workspaceId = this.#dependencies.link.workspaceId
    this.#entries.delete(entry.port)
    if (entry.published !== undefined) this.#dependencies.remove(`${workspaceId}:${entry.port}`)
  }

  // --- what is forwarded

  #attributes(entry: Entry, workspace: Workspace): EffectiveAttributes {
    return attributesOf(workspace.definition, entry.port, entry.listeners)
  }

  #wanted(entry: Entry, attributes: EffectiveAttributes): boolean {
    if (entry.stopped) return false
    if (entry.manual) return true
    if (attributes.onAutoForward === 'ignore') return false
    if (entry.origin === 'definition') return true
    return entry.listeners.length > 0 && this.#dependencies.platform.settings.get().autoForward
  }

  /** Opens a forward where one is wanted and there is none. One that is there stays until it is stopped. */
  #settle(entry: Entry, workspace: Workspace): void {
    const attributes = this.#attributes(entry, workspace)
    if (entry.server || entry.problem || !this.#wanted(entry, attributes)) return
    void this.#inOrder(entry, async () => {
      if (entry.server || this.#ended.signal.aborted) return
      try {
        await this.#open(entry, undefined, attributes.requireLocalPort)
      } catch (error) {
        entry.problem = toProblem(error, `Port ${entry.port} could not be forwarded`)
      }
      const now = this.#dependencies.workspace()
      this.#publish(entry)
      if (now) this.#announce(entry, now)
      this.#tryUnseen()
    })
  }

  async #open(entry: Entry, localPort: number | undefined, required: boolean): Promise<void> {
    if (entry.server && (localPort === undefined || entry.server.localPort === localPort)) return
    const { link, platform } = this.#dependencies
    const server = await openForward({
      localPort: localPort ?? entry.port,
      required,
      avoid: (number) => this.#entries.has(number),
      carries: () => trafficTo(link.activity, entry.port, platform.clock),
      reach: (signal, words) => this.#reach(entry, true, signal, words),
    })
    if (this.#ended.signal.aborted) {
      await server.close()
      throw notKnown(entry.port)
    }
    const old = entry.server
    entry.server = server
    delete entry.problem
    await old?.close()
    await this.#dependencies.wantRouter()
  }

  async #shut(entry: Entry): Promise<void> {
    const { server } = entry
    delete entry.server
    this.#dependencies.forgotten(entry.port)
    await server?.close()
  }

  #inOrder<T>(entry: Entry, action: () => Promise<T>): Promise<T> {
    const result = entry.work.then(action)
    entry.work = result.catch(() => undefined)
    return result
  }

  async #reach(entry: Entry, hold: boolean, signal: AbortSignal, words?: FirstWords): Promise<Duplex> {
    entry.used = true
    try {
      const now = this.#dependencies.workspace()?.incarnation ?? ''
      // It listened before the workspace was restarted: it may be on its way.
      const expected = entry.liveIn !== undefined && entry.liveIn !== now
      const stream = await this.#dependencies.reach(entry.port, { hold, expected }, signal, words)
      this.#found(entry, true, undefined)
      this.#count(entry, 1)
      stream.once('close', () => this.#count(entry, -1))
      return stream
    } catch (error) {
      if (error instanceof ProblemError) this.#found(entry, false, error.problem)
      throw error
    }
  }

  /** A connection succeeded or did not: the truth about a port, beside its table. */
  #found(entry: Entry, reachable: boolean, failure: Problem | undefined): void {
    const wrong = failure?.code === 'dial-unsupported' ? failure : undefined
    if (wrong) entry.problem = wrong
    else if (reachable && entry.problem && entry.server) delete entry.problem
    if (reachable) entry.tried = true
    else if (failure?.code === 'port-refused') {
      entry.tried = false
      // The table said otherwise a moment ago: look again.
      this.#dependencies.link.stir()
    }
    this.#publish(entry)
  }

  #count(entry: Entry, change: number): void {
    entry.connections += change
    if (this.#counting || this.#ended.signal.aborted) return
    this.#counting = setTimeout(() => {
      this.#counting = undefined
      for (const each of this.#entries.values()) this.#publish(each)
    }, COUNT_EVERY)
  }

  /** Without a table, the only way to know whether something listens is to try. */
  #tryUnseen(): void {
    if (this.#trying || this.#ended.signal.aborted) return
    const blind = this.#table && !this.#table.available && this.#table.problem?.code === 'no-shell'
    const forwarded = [...this.#entries.values()].filter((entry) => entry.server)
    if (!blind || forwarded.length === 0) return
    const attempt = async (entry: Entry) => {
      try {
        const stream = await this.#dependencies.reach(
          entry.port,
          { hold: false, expected: false },
          this.#ended.signal,
        )
        stream.destroy()
        entry.liveIn = this.#dependencies.workspace()?.incarnation ?? ''
        this.#found(entry, true, undefined)
      } catch (error) {
        if (error instanceof ProblemError && !this.#ended.signal.aborted) {
          this.#found(entry, false, error.problem)
        }
      }
    }
    this.#trying = setTimeout(() => undefined, 0)
    void Promise.all(forwarded.map(attempt)).then(() => {
      if (this.#ended.signal.aborted) return
      this.#trying = setTimeout(() => {
        this.#trying = undefined
        this.#tryUnseen()
      }, TRY_EVERY)
    })
  }

  // --- what is told

  #describe(entry: Entry, workspace: Workspace): Port {
    const attributes = this.#attributes(entry, workspace)
    const { state, problem: failure } = stateOf(entry, workspace, this.#table)
    const protocol = entry.protocol ?? attributes.protocol
    const label = entry.label ?? attributes.label
    const doubt = doubtOf(entry, attributes.declared)
    const url = protocol === 'tcp' ? undefined : this.#dependencies.url(workspace.id, entry.port)
    return {
      id: `${workspace.id}:${entry.port}`,
      workspaceId: workspace.id,
      port: entry.port,
      origin: entry.origin,
      listeners: [...entry.listeners],
      ...(label ? { label } : {}),
      protocol,
      ...(doubt ? { doubt } : {}),
      onAutoForward: attributes.onAutoForward,
      state,
      ...(entry.server
        ? {
            forward: {
              localAddress: '127.0.0.1',
              localPort: entry.server.localPort,
              ...(url ? { url } : {}),
              connections: entry.connections,
            },
          }
        : {}),
      ...(failure ? { problem: failure } : {}),
      seenAt: entry.seenAt,
    }
  }

  #publish(entry: Entry): void {
    const workspace = this.#dependencies.workspace()
    if (!workspace || this.#ended.signal.aborted || this.#entries.get(entry.port) !== entry) return
    const described = this.#describe(entry, workspace)
    const text = JSON.stringify(described)
    if (text === entry.published) return
    entry.published = text
    this.#dependencies.publish(described)
  }

  #announce(entry: Entry, workspace: Workspace): void {
    const incarnation = workspace.incarnation ?? ''
    if (!entry.server || entry.listeners.length === 0 || entry.announcedIn === incarnation) return
    const { declared, onAutoForward } = this.#attributes(entry, workspace)
    // Not yet, or not unless a terminal shows it.
    if (!entry.lasted || doubtOf(entry, declared)) return
    entry.announcedIn = incarnation
    const again = entry.announcedOnce
    entry.announcedOnce = true
    if (!isAnnounced(onAutoForward) || (again && onAutoForward === 'openBrowserOnce')) return
    const url = this.entryPort(entry.port)?.forward?.url
    this.#dependencies.opened({
      workspaceId: workspace.id,
      port: entry.port,
      ...(url ? { url } : {}),
      onAutoForward,
    })
  }
}
