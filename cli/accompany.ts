import type { Workspace } from '#contract'
import type { ExecProcess } from '../main/engine/drivers/driver'
import type { Engine } from '../main/engine/engine'
import { systemClock } from '../main/engine/platform/clock'
import { JobActivity } from '../main/engine/terminals/job-activity'

/** How long an agent may take to know when it may end its workspace, in milliseconds. */
const ARMING = 20_000

/**
 * Sees to it that the agent in a workspace knows when it may end it, before this process leaves. Resolves with whether
 * it does; at once where nothing was asked for.
 */
export async function arm(engine: Engine, workspaceId: string, signal: AbortSignal): Promise<boolean> {
  const workspace = () => engine.collections.workspaces.get(workspaceId)
  const { activity } = engine.links.get(workspaceId)
  if (!workspace()?.idle?.whileClosed || workspace()?.state !== 'running') return true
  const over = new AbortController()
  const limit = AbortSignal.any([over.signal, signal, AbortSignal.timeout(ARMING)])
  try {
    return await new Promise<boolean>((resolve) => {
      limit.addEventListener('abort', () => resolve(activity.isArmed))
      const look = () => {
        if (activity.isArmed) resolve(activity.cannotEnd === undefined)
      }
      activity.attend(() => workspace()?.idle, look, limit)
      look()
    })
  } finally {
    over.abort()
  }
}

/** How long the agent may take to hear of something that is over already, in milliseconds. */
const DELIVERY = 10_000
/** How often what goes on is told, in milliseconds. */
const AGAIN = 30_000

/**
 * Somebody works in a workspace from here, past the window and its engine: where it is stopped when nobody does anything,
 * its agent hears of it.
 */
export class Companion {
  readonly #engine: Engine
  readonly #workspace: Workspace
  readonly #over = new AbortController()

  constructor(engine: Engine, workspace: Workspace) {
    this.#engine = engine
    this.#workspace = workspace
    if (workspace.idle) this.#activity.accompany(this.#over.signal)
  }

  get #activity() {
    return this.#engine.links.get(this.#workspace.id).activity
  }

  /** What is typed into a terminal, and what its jobs print. `keys` is our own standard input. */
  watch(process: ExecProcess, keys: NodeJS.ReadStream, name: string): void {
    if (!this.#workspace.idle) return
    this.#activity.mark('command', name)
    const jobs = new JobActivity(this.#activity, systemClock, () => name)
    const typed = () => jobs.typed()
    process.stdout.on('data', (chunk: Buffer) => jobs.printed(chunk))
    keys.on('data', typed)
    this.#over.signal.addEventListener('abort', () => keys.off('data', typed))
  }

  /** What somebody waits for here counts until it is over. */
  keep(reason: string, what = ''): void {
    if (!this.#workspace.idle) return
    const mark = () => this.#activity.mark(reason, what)
    mark()
    const timer = setInterval(mark, AGAIN).unref()
    this.#over.signal.addEventListener('abort', () => clearInterval(timer))
  }

  /** Also of what was short the agent hears. */
  async end(): Promise<void> {
    if (this.#workspace.idle) await this.#activity.delivered(AbortSignal.timeout(DELIVERY))
    this.#over.abort()
  }
}
