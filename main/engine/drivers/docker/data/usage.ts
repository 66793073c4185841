import type { Clock } from '../../../platform/clock'
import { compareVersions, type EngineClient } from '../client'

/** Milliseconds that the engine may take: it walks through every volume, and before this version through all else. */
const LIMIT = 120_000
/** Milliseconds for which an answer is good: several may ask, and each makes the engine read all of its disk. */
const FRESH = 20_000
/** The first API version that can be asked for volumes alone. */
const VOLUMES_ALONE = '1.42'

interface DiskUsage {
  readonly Volumes:
    | readonly {
        readonly Name: string
        /** Bytes; -1 where the volume's driver does not tell. */
        readonly UsageData?: { readonly Size: number } | null
      }[]
    | null
}

/** What the volumes of an engine take of its disk (Docker Engine API, "GET /system/df"). */
export class VolumeUsage {
  readonly #client: EngineClient
  readonly #clock: Clock
  #last: { readonly at: number; readonly sizes: ReadonlyMap<string, number> } | undefined
  #asking: Promise<ReadonlyMap<string, number>> | undefined

  constructor(client: EngineClient, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** Bytes by the volumes' own names. */
  async read(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    if (this.#last && this.#clock.now() - this.#last.at < FRESH) return this.#last.sizes
    // One question for all who ask meanwhile: none of them ends it for the others.
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    const asking = this.#asking
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(signal.reason)
      if (signal.aborted) giveUp()
      signal.addEventListener('abort', giveUp, { once: true })
      void asking.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
    })
  }

  async #ask(): Promise<ReadonlyMap<string, number>> {
    const volumesAlone = compareVersions(await this.#client.apiVersion(), VOLUMES_ALONE) >= 0
    const { Volumes } = await this.#client.json<DiskUsage>('GET', '/system/df', {
      ...(volumesAlone && { query: { type: 'volume' } }),
      timeout: LIMIT,
    })
    const sized = (Volumes ?? []).flatMap(({ Name, UsageData }) =>
      UsageData && UsageData.Size >= 0 ? [[Name, UsageData.Size] as const] : [],
    )
    const sizes = new Map(sized)
    this.#last = { at: this.#clock.now(), sizes }
    return sizes
  }
}
