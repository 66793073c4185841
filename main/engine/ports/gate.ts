import type { Duplex } from 'node:stream'
import { type Problem, ProblemError, problem, type Workspace } from '#contract'
import type { FirstWords, Links } from '../link/link'
import type { Clock } from '../platform/clock'
import type { ReadonlyCollection } from '../platform/collection'

/** How long a new connection waits for its workspace or app to come back, milliseconds. */
export const HOLD = 10_000
/** How long it waits for a stopped one, which may be in the middle of a restart. */
const HOLD_STOPPED = 2000
/** Connections that may wait per port; more are refused at once. */
const HELD_MAXIMUM = 200
const RETRY_FIRST = 50
const RETRY_MAXIMUM = 250
/** So many of those who wait follow each one that is through: all at once would be in each other's way, and in its. */
const FOLLOW = 2

export interface GateDependencies {
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly links: Links
  readonly clock: Clock
}

/** The way to a port for one connection: straight in while all is well, held for a while when the workspace is away. */
export class Gate {
  readonly #dependencies: GateDependencies
  readonly #rooms = new Map<string, WaitingRoom>()

  constructor(dependencies: GateDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Rejects with a `ProblemError`. With `expected`, something listened there before, and a refusal just after the
   * workspace came up is waited out too. Without `hold` nothing is.
   */
  async reach(
    workspaceId: string,
    port: number,
    { hold, expected }: { readonly hold: boolean; readonly expected: boolean },
    signal: AbortSignal,
    words?: FirstWords,
  ): Promise<Duplex> {
    const { clock, links, workspaces } = this.#dependencies
    const key = `${workspaceId}:${port}`
    const start = clock.now()
    const self = {}
    let room: WaitingRoom | undefined
    let delay = RETRY_FIRST
    let through = false
    try {
      const before = hold ? this.#rooms.get(key) : undefined
      if (before?.isLed) {
        room = this.#enter(key, before.failure)
        const limit = this.#patience(workspaces.get(workspaceId), before.failure.problem.code, true, expected)
        await this.#follow(room, limit, signal)
      }
      for (;;) {
        const workspace = workspaces.get(workspaceId)
        const waited = clock.now() - start
        const failure = await this.#attempt(workspace, () => links.get(workspaceId).dial(port, signal, words))
        if (!(failure instanceof ProblemError)) {
          through = true
          return failure
        }
        const { code } = failure.problem
        const held = room !== undefined
        const limit = hold ? this.#patience(workspace, code, held, expected) : 0
        if (signal.aborted || waited >= limit) throw failure
        room ??= this.#enter(key, failure)
        room.failure = failure
        const left = Math.max(1, limit - waited)
        if (room.leads(self)) {
          await this.#rest(workspaceId, Math.min(delay, left), signal)
          const changed = workspaces.get(workspaceId)?.state !== workspace?.state
          delay = changed ? RETRY_FIRST : Math.min(RETRY_MAXIMUM, delay * 1.5)
        } else {
          await this.#follow(room, left, signal)
        }
      }
    } finally {
      room?.leave(self)
      if (room?.count === 0) this.#rooms.delete(key)
      // Whoever was told of a way and could not take it leaves it to the next.
      this.#rooms.get(key)?.tell(through ? FOLLOW : room ? 1 : 0)
    }
  }

  #enter(key: string, failure: ProblemError): WaitingRoom {
    const room = this.#rooms.get(key) ?? new WaitingRoom(failure)
    this.#rooms.set(key, room)
    if (room.count >= HELD_MAXIMUM) throw failure
    room.count += 1
    return room
  }

  /** Until whoever tries knows more, or the time is over. */
  async #follow(room: WaitingRoom, milliseconds: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    const onAbort = () => over.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const late = this.#dependencies.clock.sleep(milliseconds, over.signal).catch(() => undefined)
      await Promise.race([room.news(over.signal), late])
    } finally {
      signal.removeEventListener('abort', onAbort)
      over.abort()
    }
  }

  async #attempt(
    workspace: Workspace | undefined,
    dial: () => Promise<Duplex>,
  ): Promise<Duplex | ProblemError> {
    if (!workspace) return problem(gone())
    // While it is created its commands may already start things.
    if (workspace.state !== 'running' && workspace.state !== 'creating') return problem(notRunning(workspace))
    try {
      return await dial()
    } catch (error) {
      if (error instanceof ProblemError) return error
      throw error
    }
  }

  #patience(
    workspace: Workspace | undefined,
    code: Problem['code'],
    held: boolean,
    expected: boolean,
  ): number {
    if (!workspace || code === 'workspace-gone' || code === 'dial-unsupported' || code === 'cancelled')
      return 0
    switch (workspace.state) {
      case 'failed':
      case 'deleting':
        return 0
      case 'stopped':
        return HOLD_STOPPED
      case 'starting':
      case 'stopping':
        return HOLD
      default: {
        if (code !== 'port-refused') return HOLD
        const young = this.#dependencies.clock.now() - (workspace.startedAt ?? 0) < HOLD
        return held || (expected && young) ? HOLD : 0
      }
    }
  }

  #rest(workspaceId: string, milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const before = this.#dependencies.workspaces.get(workspaceId)?.state
      const controller = new AbortController()
      const finish = () => {
        void unwatch()
        signal.removeEventListener('abort', finish)
        controller.abort()
        resolve()
      }
      const unwatch = this.#dependencies.workspaces.onChange(() => {
        if (this.#dependencies.workspaces.get(workspaceId)?.state !== before) finish()
      })
      signal.addEventListener('abort', finish, { once: true })
      this.#dependencies.clock.sleep(milliseconds, controller.signal).then(finish, () => undefined)
    })
  }
}

function gone(): Problem {
  return {
    code: 'workspace-gone',
    title: 'The workspace is gone',
    cause: 'It was deleted, or its target is no longer configured.',
    remedy: 'Make it again, or configure its target again.',
  }
}

function notRunning(workspace: Workspace): Problem {
  return {
    code: 'workspace-not-running',
    title: `${workspace.name} is not running`,
    cause: workspace.reason,
    remedy: 'Start the workspace.',
    actions: [{ kind: 'workspace', label: 'Start', verb: 'start', workspaceId: workspace.id }],
  }
}

/**
 * Those who wait for one port. One of them tries again and again, and the others follow when it is through, or gone:
 * if each tried for itself, an app that is coming up would first have to refuse all of them.
 */
class WaitingRoom {
  count = 0
  /** Of the last attempt. */
  failure: ProblemError
  #leader: object | undefined
  readonly #followers = new Set<() => void>()

  constructor(failure: ProblemError) {
    this.failure = failure
  }

  /** Whether somebody is trying for all. */
  get isLed(): boolean {
    return this.#leader !== undefined
  }

  /** Resolves when it is worth trying, for whoever has waited longest; or when the signal aborts. */
  news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#followers.delete(go)
        resolve()
      }
      this.#followers.add(go)
      signal.addEventListener('abort', go, { once: true })
    })
  }

  /** It is worth trying for so many. */
  tell(count: number): void {
    for (const go of [...this.#followers].slice(0, count)) go()
  }

  /** Whether it is for this one to try; the first that asks while nobody does. */
  leads(one: object): boolean {
    this.#leader ??= one
    return this.#leader === one
  }

  leave(one: object): void {
    this.count -= 1
    if (this.#leader === one) this.#leader = undefined
  }
}
