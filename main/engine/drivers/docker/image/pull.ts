import { ProblemError } from '#contract'
import { type DockerLogins, encodeCredentials } from '../../../platform/docker-logins'
import type { StepReport } from '../../driver'
import { pullProblem } from '../../shared/build/image-problems'
import { parseReference } from '../../shared/image-reference'
import type { ProgressLine } from '../api'
import type { EngineClient } from '../client'
import { EngineError } from '../problems'
import { readJsonLines } from '../streams/json-lines'

/** Milliseconds between two reports of progress. */
const REPORT_EVERY = 100

/** Pulls an image. Aborting ends the pull on the engine too. */
export async function pullImage(
  client: EngineClient,
  credentials: DockerLogins,
  image: string,
  report: StepReport,
  signal: AbortSignal,
): Promise<void> {
  const { name, version, registry } = parseReference(image)
  const login = await credentials.of(registry)
  const failure = {
    image,
    registry,
    targetName: client.identity.targetName,
    authenticated: login !== undefined,
  }
  report.detail(`Asking ${registry} for ${image}`)
  try {
    const response = await client.stream('POST', '/images/create', {
      query: { fromImage: name, tag: version },
      ...(login && { headers: { 'x-registry-auth': encodeCredentials(login) } }),
      signal,
    })
    const progress = new PullProgress(report)
    for await (const line of readJsonLines<ProgressLine>(response)) {
      const message = line.errorDetail?.message ?? line.error
      if (message) throw new EngineError(500, message)
      progress.take(line)
    }
    progress.end()
  } catch (error) {
    if (error instanceof EngineError)
      throw new ProblemError(pullProblem(error.message, failure), { cause: error })
    throw client.failure(error, `The image "${image}" could not be pulled`, signal)
  }
}

interface Layer {
  downloaded: number
  total: number
  state: 'waiting' | 'downloading' | 'downloaded' | 'extracting' | 'done'
}

const downloadedStates = new Set(['Download complete', 'Verifying Checksum'])

/** Adds up what the engine tells of each layer (the stream that `docker pull` shows as bars). */
export class PullProgress {
  readonly #report: StepReport
  readonly #layers = new Map<string, Layer>()
  #lastReport = 0

  constructor(report: StepReport) {
    this.#report = report
  }

  take({ status = '', id, progressDetail }: ProgressLine): void {
    if (!id || /^Pulling from/.test(status)) {
      if (status) this.#report.output(`${id && !/^Pulling/.test(status) ? `${id}: ` : ''}${status}\n`)
      return
    }
    const layer = this.#layers.get(id) ?? { downloaded: 0, total: 0, state: 'waiting' }
    this.#layers.set(id, layer)
    const { current = 0, total = 0 } = progressDetail ?? {}
    const before = layer.state
    if (status === 'Downloading') {
      layer.state = 'downloading'
      layer.downloaded = current
      layer.total = Math.max(total, layer.total, current)
    } else if (downloadedStates.has(status)) {
      layer.state = 'downloaded'
      layer.downloaded = layer.total
    } else if (status === 'Extracting') {
      layer.state = 'extracting'
      layer.downloaded = layer.total
    } else if (status === 'Pull complete' || status === 'Already exists') {
      layer.state = 'done'
      layer.downloaded = layer.total
    }
    const changed = layer.state !== before
    if (changed || (status !== 'Downloading' && status !== 'Extracting'))
      this.#report.output(`${id}: ${status}\n`)
    const now = performance.now()
    if (changed || now - this.#lastReport >= REPORT_EVERY) {
      this.#lastReport = now
      this.#tell()
    }
  }

  /** The last word: everything is there. */
  end(): void {
    if (this.#layers.size > 0) this.#tell()
  }

  #tell(): void {
    const layers = [...this.#layers.values()]
    const current = layers.reduce((sum, layer) => sum + layer.downloaded, 0)
    const total = layers.reduce((sum, layer) => sum + layer.total, 0)
    const done = layers.filter((layer) => layer.state === 'done').length
    const extracting = layers.some((layer) => layer.state === 'extracting')
    const downloading = layers.some((layer) => layer.state === 'downloading' || layer.state === 'waiting')
    const verb = downloading ? 'Downloading' : extracting ? 'Unpacking' : 'Pulling'
    this.#report.detail(`${verb}: ${done} of ${layers.length} layers are ready`)
    if (total > 0) this.#report.progress({ current, total, unit: 'bytes' })
  }
}
