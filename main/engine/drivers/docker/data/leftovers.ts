import { problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { ContainerInspect, ContainerSummary, VolumeList } from '../api'
import type { EngineClient } from '../client'
import { labels, managedFilter } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { makerIsGone, thisMaker } from '../container/maker'
import { isStatus } from '../problems'
import type { EngineMount } from '../service/plan'
import { dataLabels, readHeld } from './anatomy'
import { type CopyJob, makeCopier, removeCopier, runCopier } from './copier'
import { goOn } from './hold'

/** Milliseconds after which a container of another machine's Berth that does nothing counts as forgotten. */
const FORGOTTEN = 10 * 60_000
/** Milliseconds that putting things right may take. */
const MENDING = 10 * 60_000

/** What Berth processes that were killed while they copied data left behind on an engine. */
export class Leftovers {
  readonly #client: EngineClient
  readonly #platform: Platform
  #last: Promise<void> = Promise.resolve()

  constructor(client: EngineClient, platform: Platform) {
    this.#client = client
    this.#platform = platform
  }

  /** Puts right what can be, of all workspaces, in the background. Never rejects. */
  async tend(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        const signal = AbortSignal.timeout(MENDING)
        for (const copier of await this.#copiers(undefined, signal)) {
          if (makerIsGone(copier.Labels?.[labels.maker])) await this.#putRight(copier, signal)
        }
        await this.#sweepCopies(signal)
      })
    } catch (error) {
      this.#platform.logger.warn('docker: what a copy of data left behind could not be put right', {
        error: String(error),
      })
    }
  }

  /** The same for one workspace, now. Rejects with `busy` where another Berth is at its data; else with raw errors. */
  mend(id: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      for (const copier of await this.#copiers(id, signal)) {
        const { [labels.maker]: maker, [dataLabels.verb]: verb } = copier.Labels ?? {}
        if (makerIsGone(maker) || this.#isForgotten(copier)) await this.#putRight(copier, signal)
        else if (maker !== thisMaker() && verb !== 'read')
          throw problem({
            code: 'busy',
            title: 'The workspace is busy',
            cause: 'Another Berth copies its data.',
            remedy: 'Wait until that is done, or cancel it there.',
          })
      }
    })
  }

  /** Two of them at one volume would be in each other's way. */
  #inTurn(action: () => Promise<void>): Promise<void> {
    const done = this.#last.then(action)
    this.#last = done.catch(() => undefined)
    return done
  }

  #isForgotten({ State, Created }: ContainerSummary): boolean {
    return State !== 'running' && this.#platform.clock.now() - Created * 1_000 > FORGOTTEN
  }

  /** Removes the containers that copy for a workspace. */
  async abandon(id: string, signal: AbortSignal): Promise<void> {
    for (const { Id } of await this.#copiers(id, signal)) await removeCopier(this.#client, Id)
  }

  /** Brings the volumes of a restore that was broken off to one of its two ends. */
  async settle(image: string, { mounts, workspaceId, held }: CopyJob): Promise<'restored' | 'kept'> {
    const signal = AbortSignal.timeout(MENDING)
    const places = mounts.map(({ Target }) => Target)
    const job: CopyJob = { workspaceId, verb: 'mend', places, mounts, held }
    const copier = await makeCopier(this.#client, image, job)
    try {
      const lines = await runCopier(this.#client, copier, 'The data could not be put right', signal)
      return lines?.includes('restored') ? 'restored' : 'kept'
    } finally {
      await removeCopier(this.#client, copier)
    }
  }

  async #putRight(copier: ContainerSummary, signal: AbortSignal): Promise<void> {
    const inspect = await this.#client
      .json<ContainerInspect>('GET', `/containers/${copier.Id}/json`, { timeout: QUICK, signal })
      .catch((error: unknown) => {
        if (isStatus(error, 404)) return undefined
        throw error
      })
    if (!inspect) return
    const {
      [dataLabels.verb]: verb,
      [dataLabels.held]: held,
      [dataLabels.work]: workspaceId = '',
    } = inspect.Config.Labels ?? {}
    await this.#client.json('POST', `/containers/${copier.Id}/kill`).catch((error: unknown) => {
      if (!isStatus(error, 404, 409)) throw error
    })
    if (verb === 'restore' || verb === 'mend') {
      const prefix = `berth-${workspaceId}-data-`
      const mounts = inspect.Mounts.flatMap(({ Type, Name, Destination }): EngineMount[] =>
        Type === 'volume' && Name?.startsWith(prefix)
          ? [{ Type: 'volume', Source: Name, Target: Destination }]
          : [],
      )
      if (mounts.length > 0)
        await this.settle(inspect.Image, {
          workspaceId,
          verb: 'mend',
          places: [],
          mounts,
          held: readHeld(held),
        })
    }
    await goOn(this.#client, readHeld(held)).catch((error: unknown) =>
      this.#platform.logger.warn('docker: what rested for a copy of data does not go on', {
        error: String(error),
      }),
    )
    await removeCopier(this.#client, copier.Id)
  }

  /** Copies that never became a snapshot. */
  async #sweepCopies(signal: AbortSignal): Promise<void> {
    const { Volumes } = await this.#client.json<VolumeList>('GET', '/volumes', {
      query: { filters: JSON.stringify({ label: [managedFilter, dataLabels.snapshot] }) },
      timeout: QUICK,
      signal,
    })
    const all = Volumes ?? []
    const whole = new Set(
      all.flatMap(({ Labels }) =>
        Labels?.[dataLabels.record] === undefined ? [] : [Labels[dataLabels.snapshot]],
      ),
    )
    for (const { Name, Labels } of all) {
      if (whole.has(Labels?.[dataLabels.snapshot]) || !makerIsGone(Labels?.[labels.maker])) continue
      await this.#client.json('DELETE', `/volumes/${encodeURIComponent(Name)}`).catch((error: unknown) => {
        if (!isStatus(error, 404, 409)) throw error
      })
    }
  }

  #copiers(id: string | undefined, signal: AbortSignal): Promise<ContainerSummary[]> {
    const wanted = id === undefined ? dataLabels.work : `${dataLabels.work}=${id}`
    return this.#client.json<ContainerSummary[]>('GET', '/containers/json', {
      query: { all: true, filters: JSON.stringify({ label: [managedFilter, wanted] }) },
      timeout: QUICK,
      signal,
    })
  }
}
