import type { Logger } from '../../../platform/logger'
import type { ContainerInspect } from '../api'
import type { EngineClient } from '../client'
import { labels } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { isStatus } from '../problems'

type Remedy = 'stop' | 'restart' | 'start'

/**
 * Keeps services in step with their workspace's container where that was stopped, started or restarted by others than
 * Berth. A service whose workspace ended runs without a network, and keeps none when the workspace runs again.
 */
export class Tending {
  readonly #client: EngineClient
  readonly #logger: Logger
  /** What is being done for the services of workspaces. Never rejects. */
  readonly #underWay = new Map<string, Promise<void>>()
  /** Workspaces that something was seen of which is not looked into yet. */
  readonly #seen = new Set<string>()
  /** Workspaces whose services are started in their order by Berth now. */
  readonly #held = new Set<string>()
  /** Services that were ended here, and run again with their workspace. */
  readonly #owed = new Set<string>()

  constructor(client: EngineClient, logger: Logger) {
    this.#client = client
    this.#logger = logger
  }

  /** Takes what was seen of workspaces and services, and mends what is out of step. */
  see(workspaces: readonly ContainerInspect[], services: readonly ContainerInspect[]): void {
    const hosts = new Map(workspaces.map((one) => [one.Id, one]))
    for (const service of services) {
      const host = hosts.get(hostOf(service))
      const id = service.Config.Labels?.[labels.serviceOf]
      if (!host || id === undefined) continue
      if (this.#remedy(host, service) === undefined) {
        // Whoever started it: nothing is owed to one that runs, and when it ends again somebody wants it so.
        if (service.State.Running && host.State.Running && !this.#underWay.has(id))
          this.#owed.delete(service.Id)
        continue
      }
      if (this.#held.has(id)) continue
      this.#seen.add(id)
      if (this.#underWay.has(id)) continue
      const beside = services.filter((one) => hostOf(one) === host.Id).map(({ Id }) => Id)
      this.#underWay.set(id, this.#mend(id, host.Id, beside))
    }
  }

  /** Does `work`, which sees to all services of a workspace itself. */
  async hold<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
    this.#held.add(id)
    try {
      await this.#underWay.get(id)
      return await work()
    } finally {
      this.#held.delete(id)
    }
  }

  /** These services' containers are no more. */
  forget(services: readonly string[]): void {
    for (const one of services) this.#owed.delete(one)
  }

  async #mend(id: string, hostId: string, services: readonly string[]): Promise<void> {
    while (this.#seen.delete(id) && !this.#held.has(id)) {
      const steps = await Promise.all(services.map((service) => this.#step(id, hostId, service)))
      if (steps.includes(true)) this.#seen.add(id)
    }
    this.#underWay.delete(id)
  }

  /**
   * Does one thing for a service, and says whether it did. Looks anew first: what was seen was not seen in one moment,
   * and may have changed since.
   */
  async #step(id: string, hostId: string, serviceId: string): Promise<boolean> {
    try {
      const service = await this.#inspect(serviceId)
      const host = await this.#inspect(hostId)
      const remedy = host && service && this.#remedy(host, service)
      if (remedy === undefined || this.#held.has(id)) return false
      if (remedy !== 'start') this.#owed.add(serviceId)
      await this.#client.json('POST', `/containers/${serviceId}/${remedy}`)
      if (remedy !== 'stop') this.#owed.delete(serviceId)
      return true
    } catch (error) {
      this.#logger.warn('A service could not be brought back in line', { error: String(error) })
      // One whose workspace ended meanwhile is tried again when that runs; any other would only fail again.
      const host = await this.#inspect(hostId).catch(() => undefined)
      if (host?.State.Running) this.#owed.delete(serviceId)
      return false
    }
  }

  #remedy(host: ContainerInspect, service: ContainerInspect): Remedy | undefined {
    if (host.State.Paused) return undefined
    if (!service.State.Running) return host.State.Running && this.#owed.has(service.Id) ? 'start' : undefined
    if (!host.State.Running) return 'stop'
    return Date.parse(service.State.StartedAt) < Date.parse(host.State.StartedAt) ? 'restart' : undefined
  }

  async #inspect(containerId: string): Promise<ContainerInspect | undefined> {
    try {
      return await this.#client.json<ContainerInspect>('GET', `/containers/${containerId}/json`, {
        timeout: QUICK,
      })
    } catch (error) {
      if (isStatus(error, 404)) return undefined
      throw error
    }
  }
}

/** The container whose network a service shares. */
function hostOf({ HostConfig }: ContainerInspect): string {
  return HostConfig.NetworkMode?.replace(/^container:/, '') ?? ''
}
