import { type Problem, toProblem, type Workspace } from '#contract'
import type { Driver } from '../drivers/driver'
import type { Clock } from '../platform/clock'
import type { ReadonlyCollection } from '../platform/collection'
import type { Logger } from '../platform/logger'
import type { AgentKeeper } from './agent/keeper'
import { Lines } from './agent/lines'
import { type AgentTable, parseAgentTable } from './agent/listeners'
import { startProcess } from './agent/process'
import { parseForeground } from './foreground'
import { Inspector, inspectorCommand, OWN_PROCESS } from './inspector'
import { type ListeningTable, SESSION_VARIABLE } from './link'
import {
  type ListeningSocket,
  type ProcessFacts,
  parseDatagramSockets,
  parseListeningSockets,
  parseProcesses,
  parseSocketOwners,
  parseUsers,
  toListeners,
} from './listening-table'
import { noOthers, type OtherSockets, parseUnixSockets, toOtherListeners } from './other-listeners'
import { Rest } from './rest'
import { ConnectionLost, type SshConnection } from './ssh/connection'

/** Milliseconds between samples, by how long ago something happened. */
const FAST = 150
const FAST_FOR = 30_000
const NORMAL = 1000
const NORMAL_FOR = 3 * 60_000
const QUIET = 3000
/**
 * At most so often, without an agent, it is looked what listens beside TCP, and whether sockets have gone over to another
 * process: both take long.
 */
const SELDOM = 10_000
/** How long the table may be unknown, while the helper is made again, before that is told. */
const PATIENCE = 2500
const RETRY_MAXIMUM = 5000
/** How long a new port waits for the name of a process that another user runs. */
const OWNER_PATIENCE = 400

export interface PollerDependencies {
  readonly workspaceId: string
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly driver: () => Driver | undefined
  readonly agent: AgentKeeper
  readonly clock: Clock
  readonly logger: Logger
}

/** Follows one workspace's listening table for as long as anyone is interested. */
export class Poller {
  readonly #dependencies: PollerDependencies
  #table: ListeningTable = { available: false }
  #text = ''
  #version = 0
  readonly #changed = new Set<() => void>()
  #consumers = 0
  #stop: AbortController | undefined
  #lastEvent = 0
  /** While it answers. */
  #inspector: Inspector | undefined
  /** Where the agent tells what listens, the helper is there for other questions alone, from the first one on. */
  #makeInspector: (() => Promise<Inspector>) | undefined
  readonly #rest: Rest
  /** By inode; kept while the socket is there. */
  #owners = new Map<string, ProcessFacts | undefined>()

  constructor(dependencies: PollerDependencies) {
    this.#dependencies = dependencies
    const { clock, workspaceId, workspaces } = dependencies
    this.#rest = new Rest(workspaces, workspaceId, clock)
  }

  stir(): void {
    const quiet = this.#interval() > FAST
    this.#lastEvent = this.#dependencies.clock.now()
    if (quiet) this.#rest.wake()
  }

  /** See {@link Link.foreground}. Known only while the table is followed: the same helper is asked. */
  async foreground(session: string): Promise<ProcessFacts | undefined> {
    try {
      const inspector = this.#inspector ?? (await this.#makeInspector?.())
      const pid = parseForeground((await inspector?.ask(`foreground ${SESSION_VARIABLE}=${session}`)) ?? [])
      if (pid === undefined) return undefined
      const [process] = parseProcesses((await inspector?.ask(`process ${pid}`)) ?? [])
      return process
    } catch {
      // It went, with the workspace perhaps.
      return undefined
    }
  }

  async *follow(signal: AbortSignal): AsyncGenerator<ListeningTable> {
    if (signal.aborted) return
    this.#enter()
    let wakeUp: () => void = () => undefined
    const onChange = () => wakeUp()
    this.#changed.add(onChange)
    signal.addEventListener('abort', onChange)
    try {
      let seen = -1
      while (!signal.aborted) {
        // Version 0 is before the first look.
        if (this.#version > 0 && this.#version !== seen) {
          seen = this.#version
          yield this.#table
          continue
        }
        await new Promise<void>((resolve) => {
          wakeUp = resolve
        })
      }
    } finally {
      signal.removeEventListener('abort', onChange)
      this.#changed.delete(onChange)
      this.#leave()
    }
  }

  /** Ends the helper; consumers get nothing more. */
  dispose(): void {
    this.#stop?.abort()
    this.#stop = undefined
  }

  #enter(): void {
    this.#consumers += 1
    if (this.#stop) return
    this.#stop = new AbortController()
    this.#version = 0
    this.#text = ''
    void this.#run(this.#stop.signal)
  }

  #leave(): void {
    this.#consumers -= 1
    if (this.#consumers === 0) this.dispose()
  }

  #publish(table: ListeningTable): void {
    // Told anew for each run of the workspace, even where it is the same: whoever follows cannot know that it is.
    const text = `${this.#workspace()?.incarnation} ${JSON.stringify(table)}`
    if (text === this.#text) return
    this.#text = text
    this.#table = table
    this.#version += 1
    this.#lastEvent = this.#dependencies.clock.now()
    for (const listener of [...this.#changed]) listener()
  }

  #interval(): number {
    const quiet = this.#dependencies.clock.now() - this.#lastEvent
    if (quiet < FAST_FOR) return FAST
    return quiet < NORMAL_FOR ? NORMAL : QUIET
  }

  #workspace(): Workspace | undefined {
    return this.#dependencies.workspaces.get(this.#dependencies.workspaceId)
  }

  async #run(signal: AbortSignal): Promise<void> {
    const unwatch = this.#dependencies.agent.onChange(() => this.#rest.wake())
    signal.addEventListener('abort', () => void unwatch(), { once: true })
    let failures = 0
    let failingSince = 0
    const onSuccess = () => {
      failures = 0
    }
    while (!signal.aborted) {
      const workspace = this.#workspace()
      if (workspace?.state !== 'running') {
        failures = 0
        this.#publish({ available: false })
        await this.#rest.wait(undefined, signal)
        continue
      }
      let inspector: Inspector | undefined
      this.#dependencies.agent.use()
      const agent = this.#dependencies.agent.connection
      try {
        if (agent) {
          await this.#followAgent(workspace, agent, signal, onSuccess)
          continue
        }
        inspector = await this.#start(workspace, workspace.user.name, signal)
        this.#inspector = inspector
        const users = parseUsers(await inspector.ask('users'))
        await this.#sampleFor(workspace, inspector, users, signal, onSuccess)
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        const now = this.#dependencies.clock.now()
        if (failures === 1) failingSince = now
        this.#failed(toProblem(error, 'Port detection broke'), now - failingSince)
      } finally {
        this.#inspector = undefined
        inspector?.close()
      }
      if (this.#workspace()?.incarnation === workspace.incarnation && failures > 0) {
        await this.#rest.wait(Math.min(RETRY_MAXIMUM, 100 * 2 ** failures), signal)
      }
    }
  }

  #failed(problem: Problem, since: number): void {
    // While it stops, the helper ends a moment before the workspace's state says so.
    if (this.#workspace()?.state !== 'running') return
    const lasting = problem.code === 'no-shell' || problem.code === 'command-not-found'
    if (lasting || since >= PATIENCE || !this.#table.available) {
      if (!lasting && problem.code === 'workspace-not-running' && since < PATIENCE) return
      this.#publish({ available: false, problem })
    }
    this.#dependencies.logger.debug('port detection failed', {
      workspace: this.#dependencies.workspaceId,
      code: problem.code,
      cause: problem.cause,
    })
  }

  async #start(workspace: Workspace, user: string, signal: AbortSignal): Promise<Inspector> {
    const driver = this.#dependencies.driver()
    if (!driver) throw new Error('the workspace has no driver')
    const process = await driver.exec(workspace.id, { command: inspectorCommand, user }, signal)
    return new Inspector(process)
  }

  /** What the agent tells, for as long as it does: each of its lines is all that listens. */
  async #followAgent(
    workspace: Workspace,
    agent: SshConnection,
    signal: AbortSignal,
    onSuccess: () => void,
  ): Promise<void> {
    const channel = await agent.open('ports@berth.dev', Buffer.alloc(0), signal)
    const over = new AbortController()
    const end = AbortSignal.any([signal, over.signal])
    const close = () => channel.destroy()
    signal.addEventListener('abort', close, { once: true })
    let made: Promise<Inspector> | undefined
    this.#makeInspector = () => {
      made ??= startProcess(agent, { command: inspectorCommand }, end).then(
        (process) => new Inspector(process),
      )
      return made
    }
    const lines = new Lines()
    try {
      for await (const chunk of channel) {
        const line = lines.push(chunk as Buffer).at(-1)
        if (this.#workspace()?.incarnation !== workspace.incarnation) return
        if (line === undefined) continue
        onSuccess()
        await this.#told(workspace, parseAgentTable(line), end)
      }
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
    } finally {
      this.#makeInspector = undefined
      over.abort()
      signal.removeEventListener('abort', close)
      channel.destroy()
      void made?.then((inspector) => inspector.close()).catch(() => undefined)
    }
    if (this.#dependencies.agent.connection === agent)
      throw new Error('the agent stopped telling what listens')
  }

  async #told(workspace: Workspace, table: AgentTable, signal: AbortSignal): Promise<void> {
    const { others, owners, sockets, users } = table
    this.#forgetGone([...sockets, ...others.datagrams, ...others.paths])
    for (const [inode, owner] of owners) this.#owners.set(inode, owner)
    const publish = () => this.#publishSockets(sockets, others, users)
    publish()
    const unknown = sockets.filter(({ inode }) => !this.#owners.has(inode))
    if (unknown.length === 0) return
    await this.#lookUpOthers(workspace, unknown, signal)
    if (!signal.aborted && this.#workspace()?.incarnation === workspace.incarnation) publish()
  }

  #publishSockets(
    sockets: readonly ListeningSocket[],
    others: OtherSockets,
    users: ReadonlyMap<number, string>,
  ): void {
    const facts = [
      (inode: string) => this.#owners.get(inode),
      (uid: number) => users.get(uid),
      (command: string) => OWN_PROCESS.test(command),
    ] as const
    this.#publish({
      available: true,
      listeners: toListeners(sockets, ...facts),
      others: toOtherListeners(others, ...facts),
    })
  }

  async #sampleFor(
    workspace: Workspace,
    inspector: Inspector,
    users: ReadonlyMap<number, string>,
    signal: AbortSignal,
    onSuccess: () => void,
  ): Promise<void> {
    let key: string | undefined
    let others = noOthers
    let seldomAt = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      const now = this.#workspace()
      if (now?.state !== 'running' || now.incarnation !== workspace.incarnation) return
      this.#dependencies.agent.use()
      if (this.#dependencies.agent.connection) return
      const sockets = parseListeningSockets(await inspector.ask('sample'))
      if (this.#workspace()?.incarnation !== workspace.incarnation) return
      onSuccess()
      const sampled = sockets.map((socket) => `${socket.address} ${socket.port} ${socket.inode}`).join('\n')
      const time = this.#dependencies.clock.now()
      const seldom = time - seldomAt >= SELDOM
      if (seldom) {
        seldomAt = time
        const lines = await inspector.ask('others')
        others = { datagrams: parseDatagramSockets(lines), paths: parseUnixSockets(lines) }
      }
      if (seldom || sampled !== key) {
        key = sampled
        this.#forgetGone([...sockets, ...others.datagrams, ...others.paths])
        if (seldom) await this.#ask(inspector, [...sockets, ...others.datagrams, ...others.paths])
        await this.#lookUp(workspace, inspector, sockets, signal)
      }
      if (!signal.aborted && this.#workspace()?.incarnation === workspace.incarnation)
        this.#publishSockets(sockets, others, users)
      await this.#rest.wait(this.#interval(), signal)
    }
  }

  /** Finds the processes of sockets that are new. Only a process of the same user may be looked into, even by root. */
  async #lookUp(
    workspace: Workspace,
    inspector: Inspector,
    sockets: readonly ListeningSocket[],
    signal: AbortSignal,
  ): Promise<void> {
    const fresh = sockets.filter((socket) => this.#owners.get(socket.inode) === undefined)
    if (fresh.length === 0) return
    await this.#ask(inspector, fresh)
    await this.#lookUpOthers(workspace, fresh, signal)
  }

  /** Owners are kept for as long as their sockets are there: to look them up takes a process. */
  #forgetGone(sockets: readonly Pick<ListeningSocket, 'inode'>[]): void {
    const present = new Set(sockets.map((socket) => socket.inode))
    for (const inode of this.#owners.keys()) if (!present.has(inode)) this.#owners.delete(inode)
  }

  /** Those of other users, each asked as who it is. */
  async #lookUpOthers(
    workspace: Workspace,
    sockets: readonly ListeningSocket[],
    signal: AbortSignal,
  ): Promise<void> {
    const others = new Set(
      sockets
        .filter((socket) => !this.#owners.has(socket.inode) && socket.uid !== workspace.user.uid)
        .map((socket) => socket.uid),
    )
    const lookups = [...others].map(async (uid) => {
      const other = await this.#start(workspace, String(uid), signal)
      try {
        await this.#ask(other, sockets)
      } finally {
        other.close()
      }
    })
    if (lookups.length === 0) return
    const all = Promise.allSettled(lookups).then((results) => {
      for (const result of results) {
        if (result.status === 'fulfilled') continue
        this.#dependencies.logger.debug('the process of a port was not found', {
          workspace: workspace.id,
          cause: String(result.reason),
        })
      }
    })
    // Not known yet: the port is told without it, and the next sample tells it with.
    await Promise.race([all, this.#rest.wait(OWNER_PATIENCE, signal)])
  }

  async #ask(inspector: Inspector, sockets: readonly Pick<ListeningSocket, 'inode'>[]): Promise<void> {
    const owners = parseSocketOwners(await inspector.ask('owners'))
    const pids = new Map<string, number>()
    for (const { inode } of sockets) {
      const pid = owners.get(inode)
      if (pid !== undefined) pids.set(inode, pid)
    }
    if (pids.size === 0) return
    const facts = new Map(
      parseProcesses(await inspector.ask(`process ${[...new Set(pids.values())].join(' ')}`)).map(
        (process) => [process.pid, process],
      ),
    )
    for (const [inode, pid] of pids) {
      const process = facts.get(pid)
      if (process) this.#owners.set(inode, process)
    }
  }
}
