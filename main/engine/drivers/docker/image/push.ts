import type { Problem } from '#contract'
import type { StepReport } from '../../driver'
import type { ProgressLine } from '../api'
import { diskFull, firstLine } from '../problems'

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

export interface PushFailure {
  readonly reference: string
  readonly registry: string
  readonly targetName: string
  /** Whether a login was sent along. */
  readonly authenticated: boolean
}

/** Refusals for who somebody is, or is not. */
export const isDenial = (message: string): boolean =>
  /unauthorized|authentication required|no basic auth credentials|incorrect username or password|denied|forbidden|insufficient_scope|status: 40[13]/i.test(
    message,
  )

/** What keeps an engine from a registry, whatever it was going to do there. */
export const isUnreachable = (message: string): boolean =>
  /dial tcp|connection refused|no such host|i\/o timeout|deadline exceeded|x509|tls:|HTTP response to HTTPS|EOF|unreachable|timeout/i.test(
    message,
  )

/** What a registry's or engine's refusal to take an image means. The texts are those of Docker and distribution. */
export function pushProblem(message: string, failure: PushFailure): Problem {
  const { reference, registry, targetName, authenticated } = failure
  const title = `The image could not be pushed to ${registry}`
  const detail = message
  const login = registry === 'docker.io' ? 'docker login' : `docker login ${registry}`
  if (/no space left on device/i.test(message)) return diskFull(title, targetName, message)
  if (isDenial(message)) {
    return {
      code: 'registry-auth',
      title,
      cause: authenticated
        ? `${registry} does not accept your login, or it may not push ${reference}.`
        : `${registry} wants a login to push ${reference}, and there is none for it on this machine.`,
      remedy: `Log in as someone who may push there: ${login}`,
      detail,
      actions: [{ kind: 'copy', label: 'Copy the login command', text: login }],
    }
  }
  if (/name unknown|repository .*(does not exist|not found)|not found/i.test(message)) {
    return {
      code: 'registry-auth',
      title,
      cause: `${registry} has no such repository, and does not make it by itself.`,
      remedy: 'Make the repository there, or choose another one in the settings.',
      detail,
      actions: [{ kind: 'settings', label: 'Open the settings' }],
    }
  }
  return {
    code: 'registry-unreachable',
    title,
    cause: `The engine "${targetName}" cannot reach ${registry}: ${firstLine(message)}`,
    remedy: /HTTP response to HTTPS/i.test(message)
      ? `Serve ${registry} over TLS, or list it as an insecure registry of that engine.`
      : `Check that ${registry} runs, and that the engine reaches it.`,
    detail,
    actions: [
      { kind: 'retry', label: 'Try again' },
      { kind: 'settings', label: 'Open the settings' },
    ],
  }
}
