import { type Operation, type OperationKind, problem, type Workspace } from '#contract'
import type { Platform } from '../platform/platform'
import type { Lock, Locks } from './locks'
import { leavesState, type OperationFields, type Operations, type RunningOperation } from './operations'

/** What an action may tell about its workspace while it runs. */
export interface ActionState {
  readonly kind: OperationKind
  phase: string
  /** The workspace as it will be; shown until the target knows it. */
  draft?: Workspace
  /** What a rebuild has already put in place of the old. */
  override?: Partial<Pick<Workspace, 'definition' | 'user' | 'image'>>
}

export interface Action {
  readonly operation: RunningOperation
  readonly signal: AbortSignal
  /** Tells how the workspace looks by now. */
  show(state: Partial<Pick<ActionState, 'draft' | 'override'>>): void
  /**
   * The workspace can be used. What the action still does goes on in the background: it no longer keeps others out,
   * and whatever comes next ends it.
   */
  ready(): Promise<void>
}

interface Held {
  readonly operation: RunningOperation
  readonly state: ActionState
  lock: Lock | undefined
  /** Resolves when the action and its cleaning up are over. */
  done: Promise<void>
}

const doing: Readonly<Record<OperationKind, string>> = {
  create: 'being created',
  start: 'starting',
  stop: 'stopping',
  restart: 'restarting',
  rebuild: 'being rebuilt',
  rename: 'being renamed',
  grow: 'getting a larger volume',
  snapshot: 'being snapshotted',
  restore: 'getting other data',
  delete: 'being deleted',
  prebuild: 'being prebuilt',
}

/** Lets one action at a time at each workspace, over all Berth processes of this machine. */
export class Guard {
  readonly #platform: Platform
  readonly #operations: Operations
  readonly #locks: Locks
  readonly #onChange: (workspaceId: string) => void
  readonly #held = new Map<string, Held>()
  readonly #background = new Map<string, Held>()
  #disposed = false

  /** `onChange` is called whenever `state` of a workspace may have changed. */
  constructor(
    platform: Platform,
    operations: Operations,
    locks: Locks,
    onChange: (workspaceId: string) => void,
  ) {
    this.#platform = platform
    this.#operations = operations
    this.#locks = locks
    this.#onChange = onChange
  }

  /** What is being done to a workspace by this engine; undefined in the background. */
  state(workspaceId: string): ActionState | undefined {
    return this.#held.get(workspaceId)?.state
  }

  /** The same, in the background as well. */
  work(workspaceId: string): ActionState | undefined {
    return (this.#held.get(workspaceId) ?? this.#background.get(workspaceId))?.state
  }

  /** Workspaces that are being created by this engine. */
  drafts(): Workspace[] {
    return [...this.#held.values()].flatMap(({ state }) => state.draft ?? [])
  }

  /**
   * Begins an action and returns its operation at once; how it goes is seen there. Rejects with `busy` when another
   * one is at the workspace.
   */
  async begin(
    fields: OperationFields,
    draft: Workspace | undefined,
    run: (action: Action) => Promise<void>,
  ): Promise<Operation> {
    const { workspaceId } = fields
    const standing = this.#held.get(workspaceId)
    if (standing) throw busy(fields.workspaceName, standing.state)
    if (this.#disposed)
      throw problem({
        code: 'interrupted',
        title: 'Berth is ending',
        cause: 'It takes no more work.',
        remedy: 'Start Berth again.',
      })

    const operation = this.#operations.begin(fields)
    const state: ActionState = { kind: fields.kind, phase: '', ...(draft ? { draft } : {}) }
    const held: Held = { operation, state, lock: undefined, done: Promise.resolve() }
    this.#held.set(workspaceId, held)
    // At once, so that its name counts as taken for whoever asks next.
    this.#onChange(workspaceId)
    try {
      held.lock = await this.#locks.acquire({
        ...fields,
        phase: doing[fields.kind],
        ...(draft ? { draft } : {}),
      })
    } catch (error) {
      this.#held.delete(workspaceId)
      this.#onChange(workspaceId)
      operation.finish({ error })
      this.#operations.dismiss(operation.id)
      throw error
    }
    operation.onPhase = (phase) => {
      state.phase = phase
      held.lock?.update({ phase })
      if (this.#held.get(workspaceId) === held) this.#onChange(workspaceId)
    }
    held.done = this.#run(held, run)
    return operation.record
  }

  async #run(held: Held, run: (action: Action) => Promise<void>): Promise<void> {
    const { operation, state } = held
    const { workspaceId } = operation
    let failure: { readonly error: unknown } | undefined
    try {
      if (!leavesState(operation.kind)) await this.#endBackground(workspaceId)
      await run({
        operation,
        signal: operation.signal,
        show: (fields) => {
          Object.assign(state, fields)
          if (fields.draft) held.lock?.update({ draft: fields.draft })
          this.#onChange(workspaceId)
        },
        ready: async () => {
          await this.#release(held)
          this.#background.set(workspaceId, held)
        },
      })
    } catch (error) {
      failure = { error }
    }
    await this.#release(held)
    if (this.#background.get(workspaceId) === held) this.#background.delete(workspaceId)
    operation.finish(failure)
    this.#onChange(workspaceId)
  }

  async #release(held: Held): Promise<void> {
    const { workspaceId } = held.operation
    try {
      await held.lock?.release()
    } catch (error) {
      this.#platform.logger.error('A lock could not be released', { workspaceId, error: String(error) })
    }
    held.lock = undefined
    if (this.#held.get(workspaceId) === held) {
      this.#held.delete(workspaceId)
      this.#onChange(workspaceId)
    }
  }

  async #endBackground(workspaceId: string): Promise<void> {
    const background = this.#background.get(workspaceId)
    if (!background) return
    background.operation.cancel()
    await background.done
  }

  /** Cancels what runs and waits until it has cleaned up. What runs in the background is left to itself. */
  async dispose(): Promise<void> {
    this.#disposed = true
    const held = [...this.#held.values()]
    for (const { operation } of held) operation.cancel()
    await Promise.all(held.map(({ done }) => done))
  }
}

function busy(name: string, state: ActionState) {
  return problem({
    code: 'busy',
    title: `${name} is busy`,
    cause: `It is ${doing[state.kind]}${state.phase ? ` (${state.phase})` : ''}.`,
    remedy: 'Wait until that is done, or cancel it.',
  })
}
