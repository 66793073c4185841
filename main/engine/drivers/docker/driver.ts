import type { Duplex, Readable } from 'node:stream'
import { type HostRequirements, type Problem, problem } from '#contract'
import type { Platform } from '../../platform/platform'
import type {
  DialOptions,
  Driver,
  ExecOptions,
  ExecProcess,
  HostCheck,
  ImageRequest,
  LogOptions,
  LogStream,
  ResolvedImage,
  StepReport,
  TargetDescription,
  TargetFacts,
  WatchEvent,
  WorkspaceNotes,
  WorkspaceSpec,
} from '../driver'
import { createDialer, type Dialer } from '../shared/dial'
import type { OpenSocket } from '../shared/dial/socket-relays'
import { readArchive, writeArchive } from './archive'
import { EngineClient } from './client'
import { type Endpoint, isLocal } from './connection/endpoint'
import { Transport } from './connection/transport'
import { Lifecycle } from './container/lifecycle'
import { Locator } from './container/locate'
import { processesOf } from './container/processes'
import { DockerData } from './data/verbs'
import { diagnose } from './diagnose'
import { startExec } from './exec'
import { checkHost } from './host'
import { Publisher } from './image/publish'
import { Images } from './image/resolve'
import { openLogs } from './logs'
import { Prebuilds } from './prebuild/prebuilds'
import { containerFit } from './service/options'
import { Services } from './service/services'
import { Stats } from './stats'
import { connectInside } from './streams/socket-inside'
import { watchWorkspaces } from './watch'

/** Milliseconds within which an engine must say who it is. */
const PROBE_LIMIT = 20_000
/** Milliseconds that disposing waits for processes and containers that are given up to be ended. */
const ENDING_LIMIT = 3_000

/** One Docker engine. */
export class DockerDriver implements Driver {
  readonly kind = 'docker'
  readonly targetId: string
  readonly publisher: Publisher
  readonly prebuilds: Prebuilds
  readonly containerFit = containerFit
  readonly data: DockerData
  readonly #platform: Platform
  readonly #transport: Transport
  readonly #client: EngineClient
  readonly #locator: Locator
  readonly #services: Services
  readonly #lifecycle: Lifecycle
  readonly #images: Images
  readonly #stats: Stats
  readonly #dialer: Dialer
  readonly #local: boolean
  readonly #ending = new Set<Promise<void>>()
  /** What a killed Berth left of copies of data was looked after. */
  #tended = false

  constructor(target: TargetDescription, endpoint: Endpoint, platform: Platform) {
    this.targetId = target.id
    this.#platform = platform
    this.#local = isLocal(endpoint)
    this.#transport = new Transport(endpoint, platform)
    this.#client = new EngineClient(this.#transport, { targetName: target.name, endpoint: target.endpoint })
    this.#locator = new Locator(this.#client)
    this.#services = new Services(this.#client, platform)
    this.#lifecycle = new Lifecycle(this.#client, this.#locator, platform, this.#services)
    this.data = new DockerData(this.#client, this.#locator, platform)
    this.#images = new Images(this.#client, platform, this.#local)
    this.publisher = new Publisher(this.#client, platform)
    this.prebuilds = new Prebuilds(this.#client, this.#locator, platform.clock)
    this.#stats = new Stats(this.#client, this.#locator, platform.clock)
    this.#dialer = createDialer({
      exec: (id, options, signal) => this.exec(id, options, signal),
      logger: platform.logger,
      imageIdOf: (id) => this.#imageIdOf(id),
      ...(process.platform === 'linux' && endpoint.kind === 'unix' && { openSocket: this.#openSocket }),
    })
  }

  async probe(signal: AbortSignal): Promise<TargetFacts> {
    const title = `The Docker engine "${this.#client.identity.targetName}" cannot be reached`
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_LIMIT)])
      this.#client.forgetConnection()
      const version = await this.#client.negotiate(limit)
      const before = performance.now()
      await this.#client.head('/_ping', { timeout: PROBE_LIMIT, signal: limit })
      return {
        version: version.Version,
        apiVersion: await this.#client.apiVersion(limit),
        platform: `${version.Os}/${version.Arch}`,
        latency: performance.now() - before,
        capabilities: {
          bindMounts: this.#local,
          build: true,
          keepsContainerFiles: true,
          endsForSure: true,
        },
      }
    } catch (error) {
      const timedOut = error instanceof Error && error.name === 'TimeoutError'
      const thrown = timedOut ? Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }) : error
      throw this.#client.failure(thrown, title, signal)
    }
  }

  watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
    return watchWorkspaces(
      {
        client: this.#client,
        clock: this.#platform.clock,
        logger: this.#platform.logger,
        local: this.#local,
        // Relays end by themselves with their container; one that was only renamed keeps its connections.
        forget: (id) => this.#locator.forget(id),
        tend: (workspaces, services) => {
          this.#services.tending.see(workspaces, services)
          if (!this.#tended) void this.data.leftovers.tend()
          this.#tended = true
        },
      },
      signal,
    )
  }

  async checkHost(requirements: HostRequirements, signal: AbortSignal): Promise<HostCheck> {
    try {
      return await checkHost(this.#client, this.#local, requirements, signal)
    } catch (error) {
      throw this.#client.failure(error, 'The engine could not be asked what it has', signal)
    }
  }

  resolveImage(request: ImageRequest, report: StepReport, signal: AbortSignal): Promise<ResolvedImage> {
    return this.#images.resolve(request, report, signal)
  }

  create(
    spec: WorkspaceSpec,
    options: { readonly replace: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    this.#dialer.forget(spec.id)
    return this.#lifecycle.create(spec, options, report, signal)
  }

  commit(id: string, signal: AbortSignal): Promise<void> {
    return this.#lifecycle.commit(id, signal)
  }

  async discard(id: string, signal: AbortSignal): Promise<void> {
    this.#dialer.forget(id)
    await this.data.abandon(id, signal)
    await this.#lifecycle.discard(id, signal)
    await this.#forgetPrebuild(id, signal)
    await this.#images.removeForgotten(signal)
  }

  async start(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    await this.data.mendFor(id, signal)
    await this.#lifecycle.start(id, report, signal)
  }

  async stop(
    id: string,
    options: { readonly grace: number; readonly force?: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#lifecycle.stop(id, options, report, signal)
    this.#dialer.forget(id)
  }

  async remove(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    this.#dialer.forget(id)
    await this.data.abandon(id, signal)
    await this.#lifecycle.remove(id, report, signal)
    await this.#forgetPrebuild(id, signal)
    // A prebuild that was replaced is kept for those that were made from it. Whoever looks next tries again.
    await this.prebuilds.sweep(signal).catch((error: unknown) => {
      this.#platform.logger.warn('Former prebuilds could not be let go of', { error: String(error) })
    })
  }

  /** One that was not kept to the end, by the id of what made it. */
  async #forgetPrebuild(id: string, signal: AbortSignal): Promise<void> {
    await this.prebuilds.forget(id).catch((error: unknown) => {
      throw this.#client.failure(error, 'The prebuild could not be removed', signal)
    })
  }

  rename(id: string, name: string, signal: AbortSignal): Promise<void> {
    return this.#lifecycle.rename(id, name, signal)
  }

  note(id: string, notes: WorkspaceNotes, signal: AbortSignal): Promise<void> {
    return this.#lifecycle.note(id, notes, signal)
  }

  async grow(): Promise<never> {
    throw problem({
      code: 'unsupported',
      title: 'The volume cannot grow',
      cause: "A volume on Docker has no size of its own: it may take all of the engine's disk.",
      remedy: "Free space on the engine's disk, or give it a larger one.",
    })
  }

  exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ExecProcess> {
    const dependencies = {
      client: this.#client,
      locator: this.#locator,
      logger: this.#platform.logger,
      ending: this.#ending,
    }
    return startExec(dependencies, id, options, signal)
  }

  dial(id: string, port: number, signal: AbortSignal, { relay }: DialOptions = {}): Promise<Duplex> {
    return this.#dialer.dial(id, port, signal, relay)
  }

  /** An engine behind a socket of this machine mostly runs its containers on this machine's kernel. */
  readonly #openSocket: OpenSocket = async (id, { path, pid }, signal) => {
    const pids = await this.#locator.with(
      id,
      (container) => processesOf(this.#client, container, signal),
      signal,
    )
    return connectInside(pids, pid, path, signal)
  }

  logs(id: string, options: LogOptions, signal: AbortSignal): Promise<LogStream> {
    return openLogs(this.#client, this.#locator, this.#services, id, options, signal)
  }

  stats(id: string, signal: AbortSignal): Promise<{ cpu: number; memory: number; memoryLimit?: number }> {
    return this.#stats.read(id, signal)
  }

  read(id: string, path: string, signal: AbortSignal): Promise<Readable> {
    return readArchive(this.#client, this.#locator, id, path, signal)
  }

  write(id: string, folder: string, tar: Readable, signal: AbortSignal): Promise<void> {
    return writeArchive(this.#client, this.#locator, id, folder, tar, signal)
  }

  diagnose(id: string, signal: AbortSignal): Promise<readonly Problem[]> {
    return diagnose(this.#client, this.#locator, id, signal)
  }

  async dispose(): Promise<void> {
    this.#dialer.dispose()
    // Bounded: an engine that does not answer must not hold up the end of the application.
    const limit = new AbortController()
    await Promise.race([
      Promise.allSettled([...this.#ending, ...this.data.ending]),
      this.#platform.clock.sleep(ENDING_LIMIT, limit.signal).catch(() => undefined),
    ])
    limit.abort()
    await this.#transport.dispose()
  }

  async #imageIdOf(id: string): Promise<string> {
    try {
      const [located] = await this.#locator.containers(id)
      return located ? located.summary.ImageID : await this.#locator.containerId(id)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be reached')
    }
  }
}
