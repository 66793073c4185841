import { type Problem, ProblemError, toProblem, type Workspace } from '#contract'
import type { Driver } from '../../drivers/driver'
import { after, type Clock } from '../../platform/clock'
import type { ReadonlyCollection } from '../../platform/collection'
import type { Disposer } from '../../platform/disposable'
import type { Logger } from '../../platform/logger'
import { Rest } from '../rest'
import { SshConnection, Writer } from '../ssh/connection'
import { MessagesConnection } from '../ssh/messages-connection'
import type { Carrier } from '../ssh/transport'
import type { Architecture } from './binaries'
import { bridge, type Connecting } from './bridge'
import {
  type AgentBinaries,
  architectureOf,
  isOfTheWay,
  isRunnable,
  placesOf,
  programIn,
  putInPlace,
} from './place'
import { parseStatus } from './status'

/** Milliseconds without a word after which the other side is asked for one, and that it then has. */
const SILENCE = 10_000
const ANSWER_LIMIT = 10_000
/** Milliseconds between two attempts. */
const RETRY_FIRST = 250
const RETRY_MAXIMUM = 5_000
/** How long a connection that nobody uses is kept, in milliseconds. */
const KEEP = 10 * 60_000
/** How long whoever cannot do without the agent waits for it, in milliseconds. */
const PATIENCE = 30_000
/** Milliseconds for an agent to say which it is, and to make place for a newer one. */
const UPGRADE_LIMIT = 5_000
const architectures: readonly Architecture[] = ['amd64', 'arm64']

export interface AgentKeeperDependencies {
  readonly workspaceId: string
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly driver: () => Driver | undefined
  readonly binaries: AgentBinaries
  readonly clock: Clock
  readonly logger: Logger
}

const notReached: Problem = {
  code: 'connection-lost',
  title: 'The helper in the workspace does not answer',
  cause: 'Berth could not make a connection to it.',
  remedy: 'Try again. If that does not help, restart the workspace.',
}

/** Whether programs run in it: while it is made and started anew they do, before it is ready. */
function isReachable({ incarnation, startedAt, state }: Workspace): boolean {
  const isComing = state === 'creating' || state === 'starting'
  return state === 'running' || (isComing && incarnation !== undefined && startedAt !== undefined)
}

/** No agent can run in this workspace, for as long as it is as it is. */
class Hopeless extends Error {}

/**
 * Keeps the connection to the agent in one workspace, from its first use on, for as long as it runs and is used: puts
 * the agent in place, connects, notices when the way is dead, and connects again. Nobody waits for it: whoever finds no
 * connection takes the driver's own way.
 */
export class AgentKeeper {
  readonly #dependencies: AgentKeeperDependencies
  readonly #rest: Rest
  readonly #changed = new Set<() => void>()
  readonly #disposed = new AbortController()
  #connection: SshConnection | undefined
  #problem: Problem | undefined
  #program: string | undefined
  #lastUse = Number.NEGATIVE_INFINITY
  #waiting = 0
  #running = false

  constructor(dependencies: AgentKeeperDependencies) {
    this.#dependencies = dependencies
    const { clock, workspaceId, workspaces } = dependencies
    this.#rest = new Rest(workspaces, workspaceId, clock)
  }

  /** To the workspace as it runs now. Whoever asks takes what there is, and makes none: see {@link use}. */
  get connection(): SshConnection | undefined {
    return this.#connection
  }

  /** Why there is none, and will be none before the workspace is started anew. */
  get problem(): Problem | undefined {
    return this.#problem
  }

  /**
   * Resolves with a connection as soon as there is one; with undefined after `milliseconds` without, if that is not for
   * ever, or at once where there will be none. Rejects with the signal's reason.
   */
  async connected(milliseconds: number | undefined, signal: AbortSignal): Promise<SshConnection | undefined> {
    const over = new AbortController()
    const end = AbortSignal.any([signal, this.#disposed.signal, over.signal])
    const isSettled = () => this.#connection !== undefined || this.#problem !== undefined
    this.#waiting += 1
    this.use()
    try {
      const late = milliseconds === undefined ? [] : [this.#dependencies.clock.sleep(milliseconds, end)]
      const isLate = Promise.race(late).then(
        () => true,
        () => true,
      )
      while (!isSettled() && !end.aborted)
        if ((await Promise.race([isLate, this.changed(end)])) === true) break
      signal.throwIfAborted()
      return this.#connection
    } finally {
      this.#waiting -= 1
      over.abort()
    }
  }

  get workspaceId(): string {
    return this.#dependencies.workspaceId
  }

  /** See {@link openOwn}; for who passes on messages. */
  openMessages(signal: AbortSignal): Promise<MessagesConnection> {
    return this.openOwn((carrier) => new MessagesConnection(carrier), signal)
  }

  /**
   * A connection of one's own, over a process of its own, that belongs to who asked for it. Rejects with a
   * `ProblemError` where there is none to be had, or with the signal's reason.
   */
  async openOwn<Connection extends Connecting>(
    connect: (carrier: Carrier) => Connection,
    signal: AbortSignal,
  ): Promise<Connection> {
    const end = AbortSignal.any([signal, this.#disposed.signal])
    const { clock } = this.#dependencies
    await this.connected(PATIENCE, end)
    const driver = this.#dependencies.driver()
    const workspace = this.#workspace
    const program = this.#program
    if (driver && workspace && program) {
      try {
        const own = await bridge(driver, workspace, program, connect, clock, end)
        if (own) return own
      } catch (error) {
        end.throwIfAborted()
        if (error instanceof ProblemError) throw error
        throw new ProblemError({ ...notReached, detail: String(error) })
      }
    }
    throw new ProblemError(this.#problem ?? notReached)
  }

  /** Resolves at the next change, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        void unwatch()
        signal.removeEventListener('abort', finish)
        resolve()
      }
      const unwatch = this.onChange(finish)
      if (signal.aborted) finish()
      else signal.addEventListener('abort', finish, { once: true })
    })
  }

  /** Calls back when there is a connection, or none any more, or none will be. */
  onChange(listener: () => void): Disposer {
    this.#changed.add(listener)
    return () => void this.#changed.delete(listener)
  }

  /** There is something to do for a connection, now and again: makes one, or keeps it. Cheap. */
  use(): void {
    const wasWanted = this.#isWanted
    this.#lastUse = this.#dependencies.clock.now()
    if (this.#disposed.signal.aborted) return
    if (!this.#running) {
      this.#running = true
      void this.#run(this.#disposed.signal)
    } else if (!wasWanted) this.#rest.wake()
  }

  /** Keeps a connection, and makes one where there is none, until the returned function is called. */
  hold(): Disposer {
    this.#waiting += 1
    this.use()
    let held = true
    return () => {
      if (held) this.#waiting -= 1
      held = false
    }
  }

  dispose(): void {
    this.#disposed.abort()
    this.#changed.clear()
  }

  get #isWanted(): boolean {
    const isUsed = this.#waiting > 0 || (this.#connection?.channels ?? 0) > 0
    return isUsed || this.#dependencies.clock.now() - this.#lastUse < KEEP
  }

  get #workspace(): Workspace | undefined {
    const { workspaceId, workspaces } = this.#dependencies
    return workspaces.get(workspaceId)
  }

  #set(connection: SshConnection | undefined): void {
    if (this.#connection === connection) return
    this.#connection = connection
    this.#tell()
  }

  #tell(): void {
    for (const listener of [...this.#changed]) listener()
  }

  async #run(signal: AbortSignal): Promise<void> {
    let hopeless: string | undefined
    let failures = 0
    while (!signal.aborted) {
      const workspace = this.#workspace
      const isOver = workspace?.incarnation !== undefined && workspace.incarnation === hopeless
      if (!workspace || !isReachable(workspace) || isOver || !this.#isWanted) {
        failures = 0
        await this.#rest.wait(undefined, signal)
        continue
      }
      this.#problem = undefined
      try {
        const connection = await this.#connect(workspace, signal)
        failures = 0
        this.#set(connection)
        await this.#attend(connection, workspace, signal)
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        this.#failed(error)
        if (error instanceof Hopeless) hopeless = workspace.incarnation
      } finally {
        this.#set(undefined)
      }
      if (failures > 0) await this.#rest.wait(Math.min(RETRY_MAXIMUM, RETRY_FIRST * 2 ** failures), signal)
    }
  }

  #failed(error: unknown): void {
    const { logger, workspaceId } = this.#dependencies
    if (error instanceof Hopeless) {
      this.#problem = {
        code: 'agent-unavailable',
        title: 'Berth has no helper in this workspace',
        cause: error.message,
        remedy:
          'Terminals, ports and copies work without it. But terminals end when Berth or the connection does, and ports show up a little later.',
      }
      this.#tell()
    }
    const { cause } = error instanceof ProblemError ? error.problem : toProblem(error)
    logger.debug('agent: no connection', { workspace: workspaceId, cause })
  }

  async #connect(workspace: Workspace, signal: AbortSignal): Promise<SshConnection> {
    const driver = this.#dependencies.driver()
    if (!driver) throw new Error('the workspace has no driver')
    const known = this.#program && (await this.#reach(driver, workspace, this.#program, signal))
    if (known) return known
    this.#program = undefined
    // Most are there since an earlier time, and are of this machine's architecture: nothing need be asked first.
    const usual = await this.#usual(workspace)
    const there = usual && (await this.#reach(driver, workspace, usual.program, signal))
    if (there) return this.#taken(there, usual.program, usual.revision)
    const told = await architectureOf(driver, workspace, signal)
    const { binaries } = this.#dependencies
    let attempted = 'There is no agent for its processor.'
    for (const architecture of told ? [told] : architectures) {
      const shipped = await binaries.facts(architecture)
      if (!shipped) continue
      for (const place of placesOf(workspace)) {
        const program = programIn(place, shipped.sha256)
        const found = program !== usual?.program && (await this.#reach(driver, workspace, program, signal))
        const connection =
          found || (await this.#install(driver, workspace, { architecture, place, program }, signal))
        if (connection) return this.#taken(connection, program, shipped.revision)
      }
      attempted = `Its user may write and run a program in none of ${placesOf(workspace).join(', ')}.`
    }
    throw new Hopeless(attempted)
  }

  /** Where most are. */
  async #usual(
    workspace: Workspace,
  ): Promise<{ readonly program: string; readonly revision: number } | undefined> {
    const shipped = await this.#dependencies.binaries.facts(process.arch === 'arm64' ? 'arm64' : 'amd64')
    const [place] = placesOf(workspace)
    return shipped && place
      ? { program: programIn(place, shipped.sha256), revision: shipped.revision }
      : undefined
  }

  #taken(connection: SshConnection, program: string, revision: number): Promise<SshConnection> {
    this.#program = program
    return this.#upgraded(connection, program, revision)
  }

  /** Undefined where there is no such program. */
  #reach(
    driver: Driver,
    workspace: Workspace,
    program: string,
    signal: AbortSignal,
  ): Promise<SshConnection | undefined> {
    const { clock } = this.#dependencies
    return bridge(
      driver,
      workspace,
      program,
      (carrier) => new SshConnection(carrier, clock.now),
      clock,
      signal,
    )
  }

  /** Undefined where it cannot be written, or does not run. */
  async #install(
    driver: Driver,
    workspace: Workspace,
    at: { readonly architecture: Architecture; readonly place: string; readonly program: string },
    signal: AbortSignal,
  ): Promise<SshConnection | undefined> {
    try {
      const binary = await this.#dependencies.binaries.read(at.architecture)
      await putInPlace(driver, workspace, at.place, binary, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof ProblemError) || isOfTheWay(error.problem)) throw error
      this.#dependencies.logger.debug('agent: a place that cannot be written to', {
        place: at.place,
        problem: error.problem,
      })
      return undefined
    }
    if (!(await isRunnable(driver, workspace, at.program, signal))) return undefined
    return this.#reach(driver, workspace, at.program, signal)
  }

  /** An agent that is older than ours makes place for it, and keeps what it has: another connection is then made. */
  async #upgraded(connection: SshConnection, program: string, revision: number): Promise<SshConnection> {
    // What it was asked fails with its end: nobody else watches it yet.
    const inTime = after(this.#dependencies.clock, UPGRADE_LIMIT, () => connection.close())
    try {
      const status = parseStatus((await connection.request('status@berth.dev')).text())
      if (status.revision >= revision) return connection
      await connection.request('upgrade@berth.dev', new Writer().string(program).done())
      await connection.ended
    } finally {
      inTime()
    }
    throw new Error('the agent made place for a newer one')
  }

  /** Resolves when the connection is over, or of no more use. */
  async #attend(connection: SshConnection, workspace: Workspace, signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    const over = new AbortController()
    const end = AbortSignal.any([signal, over.signal])
    void connection.ended.then(() => over.abort())
    while (!end.aborted) {
      const now = this.#workspace
      if (!now || !isReachable(now) || now.incarnation !== workspace.incarnation || !this.#isWanted) break
      const silence = clock.now() - connection.lastReceived
      if (silence < SILENCE) {
        await this.#rest.wait(SILENCE - silence, end)
        continue
      }
      const isDead = await Promise.race([
        connection.ping().then(
          () => false,
          () => true,
        ),
        clock.sleep(ANSWER_LIMIT, end).then(
          () => true,
          () => true,
        ),
      ])
      if (isDead) break
    }
    connection.close()
  }
}
