import type { Clock } from '../../platform/clock'
import type { StatsAnswer } from './api'
import { compareVersions, type EngineClient } from './client'
import { type Locator, QUICK } from './container/locate'

/** Milliseconds between the two samples of a first question. */
const INTERVAL = 250
/** A sample older than this many milliseconds says nothing of the load now. */
const STALE = 60_000
/** The first API version whose engine answers with one sample at once. */
const ONE_SHOT_API = '1.41'

interface Sample {
  readonly containerId: string
  /** Nanoseconds of processor time since the container's start. */
  readonly cpu: number
  /** Milliseconds since the epoch, by the engine's clock. */
  readonly at: number
}

/** Measures how busy workspaces are: processor use is what was used between two questions. */
export class Stats {
  readonly #client: EngineClient
  readonly #locator: Locator
  readonly #clock: Clock
  readonly #samples = new Map<string, Sample>()

  constructor(client: EngineClient, locator: Locator, clock: Clock) {
    this.#client = client
    this.#locator = locator
    this.#clock = clock
  }

  /** See {@link Driver.stats}. `cpu`: cores in use, 1 is one busy core. `memory`: bytes, without the page cache. */
  async read(
    id: string,
    signal: AbortSignal,
  ): Promise<{ cpu: number; memory: number; memoryLimit?: number }> {
    try {
      return await this.#locator.with(id, (container) => this.#measure(id, container, signal), signal)
    } catch (error) {
      throw this.#client.failure(error, 'The load could not be measured', signal)
    }
  }

  async #measure(id: string, containerId: string, signal: AbortSignal) {
    let before = this.#samples.get(id)
    let answer = await this.#ask(containerId, signal)
    let now = toSample(containerId, answer)
    if (
      before?.containerId !== containerId ||
      now.at - before.at > STALE ||
      now.at - before.at < 50 ||
      now.cpu < before.cpu
    ) {
      before = now
      await this.#clock.sleep(INTERVAL, signal)
      answer = await this.#ask(containerId, signal)
      now = toSample(containerId, answer)
    }
    this.#samples.set(id, now)
    const elapsed = Math.max(now.at - before.at, 1)
    const { usage = 0, limit, stats } = answer.memory_stats
    const cache = stats?.total_inactive_file ?? stats?.inactive_file ?? 0
    return {
      cpu: Math.max(0, (now.cpu - before.cpu) / 1e6 / elapsed),
      memory: Math.max(0, usage - cache),
      ...(limit !== undefined && { memoryLimit: limit }),
    }
  }

  async #ask(containerId: string, signal: AbortSignal): Promise<StatsAnswer> {
    const oneShot = compareVersions(await this.#client.apiVersion(signal), ONE_SHOT_API) >= 0
    return this.#client.json<StatsAnswer>('GET', `/containers/${containerId}/stats`, {
      query: { stream: false, ...(oneShot && { 'one-shot': true }) },
      timeout: QUICK,
      signal,
    })
  }
}

function toSample(containerId: string, answer: StatsAnswer): Sample {
  return { containerId, cpu: answer.cpu_stats.cpu_usage.total_usage, at: Date.parse(answer.read) }
}
