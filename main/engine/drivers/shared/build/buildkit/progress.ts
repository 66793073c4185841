import type { StepReport } from '../../../driver'
import type { Trace, Vertex } from './trace'

/** Lines of a step's output that are kept for when it fails. */
const KEPT_LINES = 20
/** Characters of a line without an end that are kept back; more are shown as a line. */
const LONGEST_LINE = 16 * 1024
/** Milliseconds between two reports of what is pulled. */
const REPORT_EVERY = 100

interface Step {
  readonly number: number
  readonly vertex: Vertex
  /** What it printed last, without an end of line yet. */
  open: string
  readonly lines: string[]
}

/** Why a build ended, as far as its steps told. */
export interface FailedStep {
  /** `[2/4] RUN make`. */
  readonly name: string
  readonly error: string
  /** What it printed last. */
  readonly lines: readonly string[]
}

/** Turns BuildKit's traces into what a step reports: output in the manner of `docker build --progress=plain`. */
export class BuildProgress {
  readonly #report: StepReport
  readonly #vertexes = new Map<string, Vertex>()
  readonly #steps = new Map<string, Step>()
  readonly #pulled = new Map<string, { readonly current: number; readonly total: number }>()
  #failed: FailedStep | undefined
  #lastReport = 0

  constructor(report: StepReport) {
    this.#report = report
  }

  /** The first step that failed by itself. */
  get failed(): FailedStep | undefined {
    return this.#failed
  }

  take(trace: Trace): void {
    for (const vertex of trace.vertexes) this.#vertex(vertex)
    for (const { vertex, text } of trace.logs) this.#log(vertex, text.toString('utf8'))
    for (const warning of trace.warnings) if (warning) this.#report.output(`Warning: ${warning}\n`)
    for (const { id, vertex, current, total } of trace.statuses)
      if (total > 0) this.#pulled.set(`${vertex} ${id}`, { current: Math.min(current, total), total })
    if (trace.vertexes.length > 0) this.#tellCount()
    else if (trace.statuses.length > 0) this.#tellBytes()
  }

  #vertex(vertex: Vertex): void {
    const before = this.#vertexes.get(vertex.digest)
    this.#vertexes.set(vertex.digest, vertex)
    if (!vertex.started && !vertex.cached && !vertex.error) return
    const step = this.#step(vertex)
    if (vertex.error) {
      if (before?.error === vertex.error) return
      this.#close(step)
      this.#say(step, /context canceled$/i.test(vertex.error) ? 'CANCELED' : `ERROR: ${vertex.error}`)
      if (!/context canceled/i.test(vertex.error))
        this.#failed ??= { name: vertex.name, error: vertex.error, lines: step.lines }
    } else if (vertex.completed && !before?.completed) {
      this.#close(step)
      this.#say(step, vertex.cached ? 'CACHED' : 'DONE')
    }
  }

  #step(vertex: Vertex): Step {
    const known = this.#steps.get(vertex.digest)
    if (known) return known
    const step = { number: this.#steps.size + 1, vertex, open: '', lines: [] }
    this.#steps.set(vertex.digest, step)
    this.#say(step, vertex.name)
    this.#report.detail(vertex.name)
    return step
  }

  #log(digest: string, text: string): void {
    const vertex = this.#vertexes.get(digest)
    const step = this.#steps.get(digest) ?? (vertex && this.#step(vertex))
    if (!step) {
      this.#report.output(text)
      return
    }
    const parts = (step.open + text).split('\n')
    step.open = parts.pop() ?? ''
    for (const line of parts) this.#line(step, line)
    if (step.open.length > LONGEST_LINE) this.#close(step)
  }

  #line(step: Step, line: string): void {
    // A bar that is drawn over and over leaves its last state.
    const shown = line.replace(/\r+$/, '').split('\r').at(-1) ?? ''
    step.lines.push(shown)
    if (step.lines.length > KEPT_LINES) step.lines.shift()
    this.#say(step, shown)
  }

  #close(step: Step): void {
    const { open } = step
    step.open = ''
    if (open !== '') this.#line(step, open)
  }

  #say(step: Step, text: string): void {
    this.#report.output(`#${step.number} ${text}\n`)
  }

  #tellCount(): void {
    const all = [...this.#vertexes.values()]
    const done = all.filter(({ completed }) => completed).length
    this.#report.progress({ current: done, total: all.length, unit: 'count' })
  }

  #tellBytes(): void {
    const now = performance.now()
    if (this.#pulled.size === 0 || now - this.#lastReport < REPORT_EVERY) return
    this.#lastReport = now
    let current = 0
    let total = 0
    for (const one of this.#pulled.values()) {
      current += one.current
      total += one.total
    }
    this.#report.progress({ current, total, unit: 'bytes' })
  }
}
