import type { Duplex, Readable } from 'node:stream'
import { type KubernetesOptions, type Problem, ProblemError, type Volume } from '#contract'
import { DockerLogins } from '../../platform/docker-logins'
import type { Platform } from '../../platform/platform'
import type {
  ClusterVerbs,
  DialOptions,
  Driver,
  ExecOptions,
  ExecProcess,
  ImageRequest,
  LogOptions,
  LogStream,
  ResolvedImage,
  SecretVerbs,
  StepReport,
  TargetFacts,
  WatchEvent,
  WorkspaceNotes,
  WorkspaceSpec,
} from '../driver'
import { createDialer as createRelayDialer, type Dialer as RelayDialer } from '../shared/dial'
import type { ApiClient, ClusterAccess } from './api'
import { removeForgottenBuilders } from './build/builder'
import { PodBuilder } from './build/cluster-builder'
import { KubernetesData } from './data/verbs'
import { createDiagnose, type Diagnose } from './diagnose/diagnose'
import { probeCluster } from './probe/probe'
import type { DriverParts } from './provider'
import { clusterVerbs } from './room'
import { isStatus } from './status'
import { type ExecDependencies, startExec } from './streams/exec'
import { readPath, writePath } from './streams/files'
import { openLogs } from './streams/logs'
import { createDialer, type Dialer } from './streams/port-forward'
import { ProtocolMemory } from './streams/protocols'
import { ServiceExec } from './streams/service-exec'
import { serviceLog } from './streams/service-log'
import { PodStats } from './streams/stats'
import { createApiClient } from './transport/client'
import { Incarnations } from './watch/incarnations'
import { isByDocker } from './watch/pod-state'
import { watchWorkspaces } from './watch/watch'
import { idOfName, PREPARE, podName } from './workspace/anatomy'
import { containerFit } from './workspace/container-options'
import { FilesPods } from './workspace/files-pod'
import { growVolume } from './workspace/growth'
import { aliasFor, Images } from './workspace/image'
import { readKept, writeKept } from './workspace/kept-secrets'
import { Lifecycle } from './workspace/lifecycle'
import { type Described, Locator } from './workspace/locate'
import { Objects } from './workspace/objects'
import { PullLogins, withPullLogin } from './workspace/pull-login'
import { Running } from './workspace/running'
import { isSourcePart } from './workspace/services'

/** Milliseconds that disposing waits for processes inside workspaces, and helper pods, to be ended. */
const ENDING_LIMIT = 3_000

/** Milliseconds for which a node may take a pod for the one that had its name before, and between two looks. */
const SWEEPING_LIMIT = 30_000
const SWEEPING_LOOK = 200

/** What a pod does for each connection over another way is, with more than these, more than what the node does. */
const FEW_DIALS = 8

/** One namespace of one cluster. */
export class KubernetesDriver implements Driver {
  readonly kind = 'kubernetes'
  readonly targetId: string
  readonly cluster: ClusterVerbs
  readonly containerFit = containerFit
  readonly data: KubernetesData
  readonly #platform: Platform
  readonly #access: ClusterAccess
  readonly #client: ApiClient
  readonly #objects: Objects
  readonly #locator: Locator
  readonly #logins: PullLogins
  readonly #lifecycle: Lifecycle
  readonly #running: Running
  readonly #images: Images
  readonly #files: FilesPods
  readonly #exec: ExecDependencies
  readonly #serviceExec: ServiceExec
  readonly #stats: PodStats
  readonly #dialer: Dialer
  readonly #relays: RelayDialer
  readonly #diagnose: Diagnose
  readonly #incarnations = new Incarnations((id) => {
    // What leads into a pod leads nowhere when it is gone, and says so only when it is tried.
    this.#dialer.forget(podName(id))
    this.#relays.forget(id)
  })
  readonly #closed = new AbortController()

  constructor(
    { target, namespace, access, platform }: DriverParts,
    diagnose: Diagnose = createDiagnose(platform.clock),
  ) {
    this.targetId = target.id
    this.#platform = platform
    this.#access = access
    this.#diagnose = diagnose
    const { clock, logger, settings } = platform
    const identity = { targetName: target.name, endpoint: target.endpoint, namespace }
    const client = createApiClient(access, identity, platform)
    this.#client = client
    this.#objects = new Objects(client, clock)
    this.#locator = new Locator(this.#objects, clock)
    this.#logins = new PullLogins(this.#objects, new DockerLogins(platform))
    this.#lifecycle = new Lifecycle(client, this.#objects, this.#logins, platform)
    this.#images = new Images(client, this.#objects, platform)
    this.#running = new Running({
      client,
      objects: this.#objects,
      clock,
      explain: (id, signal) => this.diagnose(id, signal),
      ran: (image, imageId) => this.#images.cache.ran(image, imageId),
    })
    this.#files = new FilesPods(client, this.#objects, platform)
    this.#exec = { client, logger, protocols: new ProtocolMemory(), ending: new Set() }
    this.#serviceExec = new ServiceExec(this.#exec)
    this.data = new KubernetesData(
      { client, objects: this.#objects, platform, exec: this.#exec },
      this.#running,
      (id) => this.#locator.forget(id),
    )
    this.cluster = {
      ...clusterVerbs(client, () => settings.get().kubernetes),
      putObjects: (id, objects, report, signal) => this.#lifecycle.putObjects(id, objects, report, signal),
      builder: new PodBuilder({
        client,
        objects: this.#objects,
        platform,
        exec: this.#exec,
        logins: new DockerLogins(platform),
        optionsFor: async (request, signal) =>
          withPullLogin(request.workspaceId, await this.#optionsOf(request, signal)),
        has: async (request, reference, report, signal) => {
          const options = await this.#optionsOf(request, signal)
          await this.#logins.give(request.workspaceId, reference, options, signal)
          const own = withPullLogin(request.workspaceId, options)
          return this.#images.isThere(reference, own, report, signal)
        },
      }),
    }
    this.#stats = new PodStats(this.#exec, clock)
    const relays = createRelayDialer({
      exec: (id, options, signal) => this.exec(id, options, signal),
      logger,
      imageIdOf: async (id) => (await this.#locator.describe(id)).image,
    })
    this.#relays = relays
    this.#dialer = createDialer({
      client,
      logger,
      clock,
      protocols: new ProtocolMemory(),
      exec: (pod, command, signal) => this.exec(idOfName(pod) ?? '', { command }, signal),
      otherWay: (pod, port, signal) => relays.dial(idOfName(pod) ?? '', port, signal),
      byDocker: (pod) => this.#isByDocker(idOfName(pod) ?? ''),
      otherWayIsReady: (pod) => relays.isReady(idOfName(pod) ?? ''),
    })
  }

  /** By measurement (benches k8s-link-connect and k8s-forward-connect): dockershim starts a process for each. */
  costlyDials(id: string): number {
    return this.#isByDocker(id) ? Number.POSITIVE_INFINITY : FEW_DIALS
  }

  #isByDocker(id: string): boolean {
    return isByDocker(this.#incarnations.of(id) ?? '')
  }

  probe(signal: AbortSignal): Promise<TargetFacts> {
    return probeCluster(this.#client, signal)
  }

  async *watch(signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const { clock, logger } = this.#platform
    void removeForgottenBuilders(
      { client: this.#client, objects: this.#objects, platform: this.#platform },
      signal,
    )
    const events = watchWorkspaces(
      { client: this.#client, clock, logger, changed: (id) => this.#locator.forget(id) },
      signal,
    )
    for await (const event of events) {
      this.#incarnations.take(event)
      yield event
    }
  }

  async #optionsOf(
    { workspaceId, kubernetes }: Pick<ImageRequest, 'workspaceId' | 'kubernetes'>,
    signal: AbortSignal,
  ): Promise<KubernetesOptions> {
    return this.#lifecycle.optionsFor(kubernetes, await this.#objects.of(workspaceId, signal))
  }

  async resolveImage(request: ImageRequest, report: StepReport, signal: AbortSignal): Promise<ResolvedImage> {
    try {
      const options = await this.#optionsOf(request, signal)
      const { workspaceId, definition, published } = request
      const image = published ?? aliasFor(definition, this.#platform)?.image ?? definition.image
      await this.#logins.give(workspaceId, image, options, signal)
      return await this.#images.resolve(request, withPullLogin(workspaceId, options), report, signal)
    } catch (error) {
      throw this.#client.failure(error, 'The image could not be got ready', signal)
    }
  }

  create(
    spec: WorkspaceSpec,
    options: { readonly replace: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#changing(spec.id, () => this.#lifecycle.create(spec, options, report, signal))
  }

  commit(id: string, signal: AbortSignal): Promise<void> {
    return this.#changing(id, () => this.#lifecycle.commit(id, signal))
  }

  discard(id: string, signal: AbortSignal): Promise<void> {
    return this.#changing(id, async () => {
      await this.data.abandon(id, signal)
      await this.#lifecycle.discard(id, signal)
    })
  }

  start(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    return this.#changing(id, async () => {
      await this.data.mend(id, signal)
      await this.#running.start(id, report, signal)
    })
  }

  stop(
    id: string,
    options: { readonly grace: number; readonly force?: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#changing(id, () => this.#running.stop(id, options, report, signal))
  }

  remove(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    return this.#changing(id, async () => {
      await this.data.abandon(id, signal)
      await this.#lifecycle.remove(id, report, signal)
    })
  }

  rename(id: string, name: string, signal: AbortSignal): Promise<void> {
    return this.#lifecycle.rename(id, name, signal)
  }

  note(id: string, notes: WorkspaceNotes, signal: AbortSignal): Promise<void> {
    return this.#lifecycle.note(id, notes, signal)
  }

  grow(id: string, storage: string, report: StepReport, signal: AbortSignal): Promise<Volume> {
    const { clock } = this.#platform
    return growVolume({ client: this.#client, objects: this.#objects, clock }, id, storage, report, signal)
  }

  exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ExecProcess> {
    const title = `"${options.command[0] ?? ''}" could not be started`
    const { service } = options
    if (service !== undefined) {
      return this.#inPod(id, title, signal, (place) =>
        this.#serviceExec.start(place, service, options, signal),
      )
    }
    return this.#inPod(id, title, signal, ({ pod, container, runsAs, hasShell }) =>
      startExec(
        this.#exec,
        pod,
        container,
        { ...options, shell: hasShell, ...(runsAs && { runsAs }) },
        signal,
      ),
    )
  }

  readonly secrets: SecretVerbs = {
    read: (id, signal) => this.#keeping(() => readKept(this.#objects, id, signal), signal),
    write: (id, values, signal) => this.#keeping(() => writeKept(this.#objects, id, values, signal), signal),
  }

  async #keeping<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw this.#client.failure(error, 'The secrets of the workspace could not be reached', signal)
    }
  }

  async dial(id: string, port: number, signal: AbortSignal, { words }: DialOptions = {}): Promise<Duplex> {
    const title = `Port ${port} could not be reached`
    try {
      // The pod's name is known without asking.
      return await this.#dialer.dial(podName(id), port, signal, words)
    } catch (error) {
      throw (await this.#failure(id, error, title, signal)).error
    }
  }

  logs(id: string, options: LogOptions, signal: AbortSignal): Promise<LogStream> {
    const { clock } = this.#platform
    const { service } = options
    return this.#inPod(id, 'The logs could not be read', signal, async (place) =>
      openLogs(
        { client: this.#client, clock, closed: this.#closed.signal },
        service === undefined ? place : await serviceLog(this.#client, place, service, signal),
        options,
        signal,
      ),
    )
  }

  stats(id: string, signal: AbortSignal): Promise<{ cpu: number; memory: number; memoryLimit?: number }> {
    return this.#inPod(id, 'Its load could not be measured', signal, (place) =>
      this.#stats.read(place, signal),
    )
  }

  async read(id: string, path: string, signal: AbortSignal): Promise<Readable> {
    const title = `"${path}" could not be read`
    const { place, release } = await this.#withFiles(id, title, signal)
    try {
      const stream = await readPath(this.#exec, place, path, signal)
      stream.once('close', release)
      return stream
    } catch (error) {
      release()
      throw await this.#filesFailure(id, place.pod, error, title, signal)
    }
  }

  async write(id: string, folder: string, tar: Readable, signal: AbortSignal): Promise<void> {
    const title = `"${folder}" could not be written to`
    // Whoever breaks the stream before it is read is heard by `writePath`.
    const ignore = () => undefined
    tar.on('error', ignore)
    try {
      const { place, release } = await this.#withFiles(id, title, signal)
      try {
        await writePath(this.#exec, place, folder, tar, signal)
      } catch (error) {
        throw await this.#filesFailure(id, place.pod, error, title, signal)
      } finally {
        release()
      }
    } catch (error) {
      tar.destroy()
      throw error
    }
  }

  async diagnose(id: string, signal: AbortSignal): Promise<readonly Problem[]> {
    try {
      return await this.#diagnose(this.#client, id, signal)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be looked into', signal)
    }
  }

  async dispose(): Promise<void> {
    this.#closed.abort()
    this.#dialer.dispose()
    this.#relays.dispose()
    // Bounded: a cluster that does not answer must not hold up the end of the application.
    const limit = new AbortController()
    await Promise.race([
      Promise.allSettled([...this.#exec.ending, this.#files.dispose()]),
      this.#platform.clock.sleep(ENDING_LIMIT, limit.signal).catch(() => undefined),
    ])
    limit.abort()
    await this.#client.dispose()
    this.#access.credentials.dispose()
  }

  /** What is known of a workspace does not hold while it is being changed, nor after. */
  async #changing<T>(id: string, action: () => Promise<T>): Promise<T> {
    this.#locator.forget(id)
    try {
      return await action()
    } finally {
      this.#locator.forget(id)
      this.#relays.forget(id)
    }
  }

  /**
   * A node goes on finding the pod that was before under the name of its successor until it has swept that up, and says
   * that there is no container: no reason to fail, as the cluster knows that it runs.
   */
  async #inPod<T>(
    id: string,
    title: string,
    signal: AbortSignal,
    action: (described: Described) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#platform
    const until = clock.now() + SWEEPING_LIMIT
    for (;;) {
      try {
        signal.throwIfAborted()
        return await action(await this.#locator.describe(id, signal))
      } catch (error) {
        const failure = await this.#failure(id, error, title, signal)
        if (failure.absent || !isAbsence(failure.error) || signal.aborted || clock.now() >= until) {
          throw failure.error
        }
        await clock.sleep(SWEEPING_LOOK, signal).catch(() => undefined)
      }
    }
  }

  /** Where the workspace does not run (`absent`), that is what is to say of anything that failed in its pod. */
  async #failure(
    id: string,
    cause: unknown,
    title: string,
    signal: AbortSignal,
  ): Promise<{ readonly error: Error; readonly absent: boolean }> {
    const failure = { error: this.#client.failure(cause, title, signal), absent: false }
    if (signal.aborted || this.#closed.signal.aborted || !mayBeAbsent(cause, failure.error)) return failure
    const absence = await this.#locator.absence(id, signal).catch(() => undefined)
    return absence ? { error: absence, absent: true } : failure
  }

  /** That the workspace does not run is no reason where another pod has its files. */
  async #filesFailure(
    id: string,
    pod: string,
    cause: unknown,
    title: string,
    signal: AbortSignal,
  ): Promise<Error> {
    if (pod !== podName(id)) return this.#client.failure(cause, title, signal)
    return (await this.#failure(id, cause, title, signal)).error
  }

  /** A pod that has the workspace's files: its own one, or one for the purpose where it does not run. */
  async #withFiles(
    id: string,
    title: string,
    signal: AbortSignal,
  ): Promise<{ place: { pod: string; container: string }; release: () => void }> {
    try {
      signal.throwIfAborted()
      const described = await this.#locator.describe(id, signal)
      const place = { pod: described.pod, container: described.container }
      if (await this.#locator.isRunning(id, signal)) return { place, release: () => undefined }
      // Services want the source there when they start, and so do parts of it that have a second place.
      const [own, ...others] = described.template.containers
      const before = (described.template.initContainers ?? []).filter(({ name }) => name !== PREPARE)
      const isAlone = others.length + before.length === 0 && !own?.volumeMounts?.some(isSourcePart)
      if (described.idle && !described.settled && isAlone) {
        // It is being made, and will be started next: another pod for the moment would take longer.
        await this.#running.start(id, silent, signal)
        return { place, release: () => undefined }
      }
      const { pod, release } = await this.#files.open(id, described, signal)
      return { place: { ...place, pod }, release }
    } catch (error) {
      throw this.#client.failure(error, title, signal)
    }
  }
}

function isAbsence(error: Error): boolean {
  return error instanceof ProblemError && error.problem.code === 'workspace-not-running'
}

/** Failures that a workspace which does not run may be behind. */
function mayBeAbsent(error: unknown, failure: Error): boolean {
  if (isStatus(error, 400, 404, 409, 500)) return true
  if (!(failure instanceof ProblemError)) return false
  return !['cancelled', 'file-not-found', 'port-refused', 'invalid-input', 'workspace-gone'].includes(
    failure.problem.code,
  )
}

const silent: StepReport = { detail: () => undefined, progress: () => undefined, output: () => undefined }
