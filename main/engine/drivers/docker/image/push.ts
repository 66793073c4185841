import type { StepReport } from '../../driver'
import type { ProgressLine } from '../api'

/** Milliseconds between two reports of progress. */
const REPORT_EVERY = 100

interface Layer {
  pushed: number
  total: number
  done: boolean
}

const done = /^(Pushed|Layer already exists|Mounted from )/

/** Adds up what the engine tells of each layer (the stream that `docker push` shows as bars). */
export class PushProgress {
  readonly #report: StepReport
  readonly #layers = new Map<string, Layer>()
  #lastReport = 0

  constructor(report: StepReport) {
    this.#report = report
  }

  take({ status = '', id, progressDetail }: ProgressLine): void {
    if (!id) {
      if (status) this.#report.output(`${status}\n`)
      return
    }
    const layer = this.#layers.get(id) ?? { pushed: 0, total: 0, done: false }
    this.#layers.set(id, layer)
    const { current = 0, total = 0 } = progressDetail ?? {}
    const before = layer.done
    if (status === 'Pushing') {
      layer.pushed = current
      // What is said first is a guess, which the sent bytes may exceed.
      layer.total = Math.max(total, layer.total, current)
    } else if (done.test(status)) {
      layer.done = true
      layer.pushed = layer.total
    }
    if (status !== 'Pushing') this.#report.output(`${id}: ${status}\n`)
    const now = performance.now()
    if (layer.done === before && now - this.#lastReport < REPORT_EVERY) return
    this.#lastReport = now
    this.#tell()
  }

  #tell(): void {
    const layers = [...this.#layers.values()]
    const ready = layers.filter((layer) => layer.done).length
    this.#report.detail(`Pushing: ${ready} of ${layers.length} layers are there`)
    const total = layers.reduce((sum, layer) => sum + layer.total, 0)
    const current = layers.reduce((sum, layer) => sum + layer.pushed, 0)
    if (total > 0) this.#report.progress({ current, total, unit: 'bytes' })
  }
}
