import { posix } from 'node:path'
import { type Dependency, ProblemError, type Service } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { StepReport } from '../../driver'
import { inStartOrder, neededServices, serviceFailed } from '../../shared/services'
import type { ContainerInspect, ContainerSummary, VolumeSummary } from '../api'
import type { EngineClient } from '../client'
import { containerNames, labels, readLabels, serviceFilter } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { makeMemoryFolders } from '../container/memory-folders'
import { removeContainer } from '../container/remove'
import { writeFiles } from '../container/written-files'
import { isStatus } from '../problems'
import { leadsElsewhere, linkOnTheWay } from './links'
import { type Host, planService, sourceOnEngine } from './plan'
import { Tending } from './tending'
import { lastWords } from './words'

/** Milliseconds between two looks at whether a service is well. */
const LOOK = 250
/** Milliseconds that are waited for what nobody said must be so. */
const PATIENCE = 60_000

/** The containers beside the workspaces' own: each shares the network of its workspace's. */
export class Services {
  /** What is done for those whose workspace was stopped or started from outside of Berth. */
  readonly tending: Tending
  readonly #client: EngineClient
  readonly #platform: Platform

  constructor(client: EngineClient, platform: Platform) {
    this.tending = new Tending(client, platform.logger)
    this.#client = client
    this.#platform = platform
  }

  /**
   * Makes those that are missing beside a running workspace, and starts them in the order of what they depend on.
   * Rejects with `service-failed`.
   */
  async start(containerId: string, report: StepReport, signal: AbortSignal): Promise<void> {
    const host = await this.#host(containerId, signal)
    if (!host || host.labelled.definition.services.length === 0) return
    await new Start(this.#client, this.#platform, host, report, signal).run(await this.#of(host, signal))
  }

  /** Stops, or kills, all that run of a workspace. Each may take as long as it was made with: ten seconds where nothing is said. */
  async stop(id: string, how: 'ask' | 'force', signal?: AbortSignal): Promise<void> {
    const running = (await this.#list(id, signal)).filter(
      ({ State }) => State !== 'exited' && State !== 'created',
    )
    await Promise.all(
      running.map(({ Id }) =>
        this.#client
          .json('POST', `/containers/${Id}/${how === 'ask' ? 'stop' : 'kill'}`, {
            ...(signal && { signal }),
          })
          .catch((error: unknown) => {
            // Gone, or ended, meanwhile.
            if (!isStatus(error, 404, 409)) throw error
          }),
      ),
    )
  }

  /** Removes those of a workspace whose makings are not among these. */
  async sweep(id: string, keep: readonly (string | undefined)[], signal?: AbortSignal): Promise<void> {
    const old = (await this.#list(id, signal)).filter((one) => !keep.includes(one.Labels?.[labels.making]))
    this.tending.forget(old.map(({ Id }) => Id))
    await Promise.all(old.map((one) => removeContainer(this.#client, one.Id)))
  }

  /** The container of a service beside a workspace's container. */
  async containerBeside(
    containerId: string,
    service: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const host = await this.#host(containerId, signal)
    return host && (await this.#of(host, signal)).get(service)
  }

  async #host(containerId: string, signal: AbortSignal): Promise<Host | undefined> {
    const inspect = await this.#client.json<ContainerInspect>('GET', `/containers/${containerId}/json`, {
      timeout: QUICK,
      signal,
    })
    const labelled = readLabels(inspect.Config.Labels)
    if (!labelled) return undefined
    const { images, sourceFolder } = readServiceNotes(inspect.Config.Labels?.[labels.services])
    const mountpoint = async (volume: string) =>
      (
        await this.#client.json<VolumeSummary>('GET', `/volumes/${encodeURIComponent(volume)}`, {
          timeout: QUICK,
          signal,
        })
      ).Mountpoint
    const source =
      sourceFolder === undefined ? undefined : await sourceOnEngine(inspect, sourceFolder, mountpoint)
    return { inspect, labelled, images, source, sourceFolder }
  }

  async #of({ labelled }: Host, signal: AbortSignal): Promise<Map<string, string>> {
    const all = await this.#list(labelled.id, signal)
    const mine = all.filter(({ Labels }) => Labels?.[labels.making] === labelled.making)
    return new Map(mine.map(({ Id, Labels }) => [Labels?.[labels.service] ?? '', Id]))
  }

  #list(id: string, signal?: AbortSignal): Promise<ContainerSummary[]> {
    return this.#client.json<ContainerSummary[]>('GET', '/containers/json', {
      query: { all: true, filters: JSON.stringify({ label: [serviceFilter(id)] }) },
      timeout: QUICK,
      ...(signal && { signal }),
    })
  }
}

/** What stands with a workspace's container of its services. */
export interface ServiceNotes {
  readonly images: Readonly<Record<string, string>>
  readonly sourceFolder?: string
}

export function readServiceNotes(text: string | undefined): ServiceNotes {
  try {
    const { images = {}, sourceFolder } = JSON.parse(text ?? '{}') as Partial<ServiceNotes>
    return {
      images: Object.fromEntries(Object.entries(images).map(([name, image]) => [name, String(image)])),
      ...(typeof sourceFolder === 'string' && posix.isAbsolute(sourceFolder) && { sourceFolder }),
    }
  } catch {
    return { images: {} }
  }
}

/** One start of all services of a workspace. */
class Start {
  readonly #client: EngineClient
  readonly #platform: Platform
  readonly #host: Host
  readonly #report: StepReport
  readonly #signal: AbortSignal
  readonly #started = new Map<string, Promise<string>>()
  readonly #waiting = new Set<string>()

  constructor(client: EngineClient, platform: Platform, host: Host, report: StepReport, signal: AbortSignal) {
    this.#client = client
    this.#platform = platform
    this.#host = host
    this.#report = report
    this.#signal = signal
  }

  async run(existing: ReadonlyMap<string, string>): Promise<void> {
    const { definition } = this.#host.labelled
    for (const service of inStartOrder(definition.services)) {
      const started = this.#start(service, existing.get(service.name))
      // Failing before it is waited for.
      started.catch(() => undefined)
      this.#started.set(service.name, started)
    }
    await Promise.all(this.#started.values())
    const { needed, must } = neededServices(definition)
    if (must) {
      await Promise.all(needed.map((one) => this.#until(one)))
      return
    }
    const patience = AbortSignal.timeout(PATIENCE)
    await Promise.all(
      needed.map(async (one) => {
        try {
          await this.#until(one, patience)
        } catch (error) {
          if (this.#signal.aborted) throw error
          const why = error instanceof ProblemError ? error.problem.cause : 'It is not well yet.'
          this.#report.output(`The service ${one.service}: ${why}\n`)
        }
      }),
    )
  }

  async #start(service: Service, existing: string | undefined): Promise<string> {
    await Promise.all(service.dependsOn.map((one) => this.#until(one)))
    this.#signal.throwIfAborted()
    this.#report.detail(`Starting ${service.name}`)
    try {
      const containerId = existing ?? (await this.#make(service))
      await this.#client.json('POST', `/containers/${containerId}/start`)
      return containerId
    } catch (error) {
      if (!isStatus(error, 400, 404, 409, 500)) throw error
      throw new ProblemError(
        serviceFailed(service.name, `Docker answered: ${error.message.split('\n', 1)[0]}`, error.message),
        { cause: error },
      )
    }
  }

  /** Not aborted under way: the engine would make what nobody removes then. */
  async #make(service: Service): Promise<string> {
    const { labelled } = this.#host
    const link = await linkOnTheWay(this.#client, this.#host, service, this.#signal)
    if (link !== undefined) throw new ProblemError(leadsElsewhere(service.name, link))
    const { Id } = await this.#client.json<{ Id: string }>('POST', '/containers/create', {
      query: { name: containerNames.service(labelled.id, labelled.making, service.name) },
      json: planService(service, this.#host, this.#platform.env),
    })
    await makeMemoryFolders(this.#client, Id, service.mounts, this.#signal)
    const { env } = this.#platform
    await writeFiles(this.#client, Id, service, env, this.#report, this.#signal)
    return Id
  }

  /** Rejects with `service-failed` when it can no longer become so. */
  async #until({ service: name, condition }: Dependency, patience?: AbortSignal): Promise<void> {
    const containerId = await this.#started.get(name)
    // Of a circle, or of a name that nothing has.
    if (containerId === undefined || condition === 'started') return
    const service = this.#host.labelled.definition.services.find((one) => one.name === name)
    const signal = patience ? AbortSignal.any([this.#signal, patience]) : this.#signal
    this.#waiting.add(name)
    this.#tell()
    try {
      while (!(await this.#isSo(containerId, name, condition, service))) {
        await this.#platform.clock.sleep(LOOK, signal)
      }
    } finally {
      this.#waiting.delete(name)
      this.#tell()
    }
  }

  #tell(): void {
    if (this.#waiting.size > 0) this.#report.detail(`Waiting for ${[...this.#waiting].join(', ')}`)
  }

  async #isSo(
    containerId: string,
    name: string,
    condition: 'healthy' | 'completed',
    service: Service | undefined,
  ): Promise<boolean> {
    const { State } = await this.#client.json<ContainerInspect>('GET', `/containers/${containerId}/json`, {
      timeout: QUICK,
      signal: this.#signal,
    })
    const failed = async (cause: string) =>
      new ProblemError(serviceFailed(name, cause, await lastWords(this.#client, containerId)))
    if (!State.Running && State.Status !== 'restarting') {
      if (condition === 'completed' && State.ExitCode === 0) return true
      throw await failed(State.Error || `It ended with code ${State.ExitCode}.`)
    }
    if (condition === 'completed') return false
    if (!State.Health) {
      if (service?.health) return false
      throw await failed('It has no health check, so it can never be said to be well.')
    }
    if (State.Health.Status === 'unhealthy') {
      throw await failed(
        `Its health check fails: ${State.Health.Log?.at(-1)?.Output?.trim() || 'it says nothing'}`,
      )
    }
    // The engine looks for the first time when the interval has passed: asking at once spares that wait.
    return State.Health.Status === 'healthy' || (service?.health ? this.#isWell(containerId, service) : false)
  }

  async #isWell(containerId: string, { health, user }: Service): Promise<boolean> {
    if (!health) return false
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(health.timeout)])
    try {
      const { Id } = await this.#client.json<{ Id: string }>('POST', `/containers/${containerId}/exec`, {
        json: { Cmd: health.command, ...(user !== undefined && { User: user }) },
        signal,
      })
      await this.#client.json('POST', `/exec/${Id}/start`, { json: { Detach: true }, signal })
      for (;;) {
        const { Running, ExitCode } = await this.#client.json<{ Running: boolean; ExitCode: number | null }>(
          'GET',
          `/exec/${Id}/json`,
          { timeout: QUICK, signal },
        )
        if (!Running) return ExitCode === 0
        await this.#platform.clock.sleep(50, signal)
      }
    } catch (error) {
      this.#signal.throwIfAborted()
      if (error instanceof Error && !isStatus(error, 404, 409, 500) && !signal.aborted) throw error
      return false
    }
  }
}
