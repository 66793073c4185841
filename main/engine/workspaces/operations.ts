import { randomUUID } from 'node:crypto'
import {
  cancelled,
  type Operation,
  type OperationKind,
  type OperationOutput,
  type Problem,
  problem,
  type Step,
  toProblem,
} from '#contract'
import type { StepReport } from '../drivers/driver'
import { Collection } from '../platform/collection'
import type { EmitEvent } from '../platform/handlers'
import type { Platform } from '../platform/platform'
import { withMask } from './mask'

/** Progress and output travel at most this often, milliseconds. */
const flushEvery = 50
/** What is kept of an operation's output, in characters. */
const outputKept = 1024 * 1024
/** What one event carries at most; the rest of a flood is in `operations.output`. */
const eventLimit = 256 * 1024
/** Operations that ended and are still remembered. */
const remembered = 50

/** Whether an action leaves the workspace running, or not, as it is. */
export const leavesState = (kind: OperationKind): kind is 'rename' | 'grow' | 'snapshot' | 'restore' =>
  kind === 'rename' || kind === 'grow' || kind === 'snapshot' || kind === 'restore'

export type OperationFields = Pick<Operation, 'kind' | 'workspaceId' | 'workspaceName' | 'targetId' | 'asked'>

/** Where a step tells how it goes. What `detail` says goes with the step's end, what `result` says stays. */
export interface ActionReport extends StepReport {
  result(text: string): void
}

/** One lifecycle action while it runs: its steps, and the ways to tell how they go. */
export class RunningOperation {
  readonly id: string
  readonly kind: OperationKind
  readonly workspaceId: string
  readonly #controller = new AbortController()
  readonly #collection: Collection<Operation>
  readonly #emit: EmitEvent
  readonly #now: () => number
  #record: Operation
  #output: OperationOutput[] = []
  #outputLength = 0
  /** Characters printed so far, by step. */
  readonly #printed = new Map<string, number>()
  readonly #results = new Map<string, string>()
  #pending = new Map<string, string>()
  #secrets: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  #dirty = false
  /** Called when a step begins, with what it does for people: `building the image`. */
  onPhase: ((phase: string) => void) | undefined

  constructor(
    fields: OperationFields,
    collection: Collection<Operation>,
    emit: EmitEvent,
    now: () => number,
  ) {
    this.id = randomUUID()
    this.kind = fields.kind
    this.workspaceId = fields.workspaceId
    this.#collection = collection
    this.#emit = emit
    this.#now = now
    this.#record = {
      ...fields,
      id: this.id,
      state: 'running',
      cancelling: false,
      steps: [],
      startedAt: now(),
    }
    collection.set(this.#record)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get record(): Operation {
    return this.#record
  }

  /** Says what there is to do, in order. Steps that are there already keep their state. */
  plan(steps: readonly { readonly id: string; readonly title: string }[]): void {
    const known = new Set(this.#record.steps.map(({ id }) => id))
    const added = steps
      .filter(({ id }) => !known.has(id))
      .map((step): Step => ({ ...step, state: 'pending' }))
    this.#change({ steps: [...this.#record.steps, ...added] })
  }

  /** No step that begins from now on shows these. */
  hide(secrets: readonly string[]): void {
    this.#secrets = [...new Set([...this.#secrets, ...secrets])]
  }

  /** Does one planned step. Rejects as `run` does, and with `cancelled` when the operation was cancelled. */
  async step<T>(
    id: string,
    run: (report: ActionReport, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal = this.signal,
  ): Promise<T> {
    if (signal.aborted) throw cancelled()
    this.#step(id, { state: 'running', startedAt: this.#now() }, true)
    const title = this.#record.steps.find((step) => step.id === id)?.title ?? id
    this.onPhase?.(title.charAt(0).toLowerCase() + title.slice(1))
    try {
      const value = await withMask(this.#secrets, this.report(id), (report) => run(report, signal))
      // What it was doing last is over.
      this.#step(id, { state: 'done', endedAt: this.#now(), detail: this.#results.get(id) }, true)
      return value
    } catch (error) {
      const state = signal.aborted ? 'cancelled' : 'failed'
      this.#step(id, { state, endedAt: this.#now() }, true)
      throw signal.aborted ? cancelled() : error
    }
  }

  skip(id: string, detail: string): void {
    this.#step(id, { state: 'skipped', detail }, true)
  }

  report(stepId: string): ActionReport {
    const tell = (fields: Partial<Step>) => {
      // Something that still ends in the background tells nothing of a step that is over.
      const step = this.#record.steps.find(({ id }) => id === stepId)
      if (step?.state === 'running') this.#step(stepId, fields, false)
    }
    const detail = (text: string) => tell({ detail: text.slice(0, 500) })
    return {
      detail,
      result: (text) => {
        this.#results.set(stepId, text.slice(0, 500))
        detail(text)
      },
      progress: (progress) => tell({ progress }),
      output: (text) => this.#print(stepId, text),
    }
  }

  output(): readonly OperationOutput[] {
    return this.#output
  }

  /** Asks it to stop; it goes on cleaning up until it ends. */
  cancel(): void {
    if (this.#record.state !== 'running' || this.signal.aborted) return
    this.#change({ cancelling: true })
    this.#controller.abort(cancelled())
  }

  /** Its end. Called once, by whoever runs it. */
  finish(thrown?: { readonly error: unknown }): void {
    this.#flush()
    const steps = this.#record.steps.map(
      (step): Step =>
        step.state === 'pending' ? { ...step, state: thrown ? 'cancelled' : 'skipped' } : step,
    )
    const end = { steps, cancelling: false, endedAt: this.#now() }
    if (!thrown) this.#change({ ...end, state: 'succeeded' })
    else if (this.signal.aborted) {
      this.#change({ ...end, state: 'cancelled', problem: cancelled().problem })
    } else this.#change({ ...end, state: 'failed', problem: toProblem(thrown.error) })
    clearTimeout(this.#timer)
  }

  #step(id: string, fields: Partial<Step>, now: boolean): void {
    const steps = this.#record.steps.map((step) => (step.id === id ? { ...step, ...fields } : step))
    this.#record = { ...this.#record, steps }
    if (now) this.#change({})
    else {
      this.#dirty = true
      this.#schedule()
    }
  }

  #print(stepId: string, text: string): void {
    if (text === '') return
    const offset = this.#printed.get(stepId) ?? 0
    this.#printed.set(stepId, offset + text.length)
    const last = this.#output.at(-1)
    if (last?.stepId === stepId && last.text.length + text.length < 8192) {
      this.#output[this.#output.length - 1] = { ...last, text: last.text + text }
    } else this.#output.push({ stepId, offset, text })
    this.#outputLength += text.length
    while (this.#outputLength > outputKept && this.#output.length > 1) {
      this.#outputLength -= this.#output.shift()?.text.length ?? 0
    }
    this.#pending.set(stepId, ((this.#pending.get(stepId) ?? '') + text).slice(-eventLimit))
    this.#schedule()
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#flush(), flushEvery)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#dirty) this.#change({})
    const pending = this.#pending
    this.#pending = new Map()
    for (const [stepId, text] of pending) {
      const offset = (this.#printed.get(stepId) ?? 0) - text.length
      this.#emit('operation.output', { operationId: this.id, stepId, offset, text })
    }
  }

  #change(fields: Partial<Operation>): void {
    this.#dirty = false
    this.#record = { ...this.#record, ...fields }
    this.#collection.set(this.#record)
  }
}

/** All operations of this engine, running and remembered. */
export class Operations {
  readonly collection = new Collection<Operation>()
  readonly #running = new Map<string, RunningOperation>()
  readonly #platform: Platform
  readonly #emit: EmitEvent

  constructor(platform: Platform, emit: EmitEvent) {
    this.#platform = platform
    this.#emit = emit
  }

  begin(fields: OperationFields): RunningOperation {
    const operation = new RunningOperation(fields, this.collection, this.#emit, this.#platform.clock.now)
    this.#running.set(operation.id, operation)
    this.#forgetOld()
    return operation
  }

  #forgetOld(): void {
    const ended = this.collection.list().filter(({ state }) => state !== 'running')
    const old = ended.sort((left, right) => (left.endedAt ?? 0) - (right.endedAt ?? 0)).slice(0, -remembered)
    for (const { id } of old) this.#forget(id)
  }

  #forget(id: string): void {
    this.#running.delete(id)
    this.collection.delete(id)
  }

  #get(id: string): RunningOperation {
    const operation = this.#running.get(id)
    if (operation) return operation
    throw problem({
      code: 'not-found',
      title: 'There is no such operation',
      cause: 'It ended long ago, or belongs to another Berth process.',
      remedy: 'Cancel it where it was started.',
    })
  }

  cancel(id: string): void {
    this.#get(id).cancel()
  }

  /** Forgets one that ended. */
  dismiss(id: string): void {
    const operation = this.#get(id)
    if (operation.record.state === 'running') {
      throw problem({
        code: 'busy',
        title: 'The operation still runs',
        cause: 'Only one that ended can be dismissed.',
        remedy: 'Cancel it first.',
      })
    }
    this.#forget(id)
  }

  output(id: string): OperationOutput[] {
    return [...this.#get(id).output()]
  }

  /** The newest Problem of a workspace's operations, for its state. */
  lastProblem(workspaceId: string): Problem | undefined {
    const own = this.collection.list().filter((operation) => operation.workspaceId === workspaceId)
    return own.at(-1)?.problem
  }
}
