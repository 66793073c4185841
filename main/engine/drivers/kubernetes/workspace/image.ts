import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import {
  cancelled,
  type Definition,
  isShellCommand,
  type KubernetesOptions,
  oneShots,
  type Problem,
  ProblemError,
  problem,
} from '#contract'
import { type Aliased, aliasOf, describeAlias } from '../../../platform/image-aliases'
import type { Platform } from '../../../platform/platform'
import type { ImageRequest, ResolvedImage, StepReport } from '../../driver'
import { groupsOf, resolveUser } from '../../shared/users'
import type { ApiClient } from '../api'
import { rejectionOf } from '../transport/errors'
import { follow } from '../watch/follow'
import { nonce } from './anatomy'
import { ImageCache, type LookedAt } from './image-cache'
import { hadNoLoginYet, mayStillPull, PullMemory, pullProblem, withWhy } from './image-problems'
import { lookAmounts } from './look-amounts'
import {
  isAnswer,
  isAnswering,
  type Looked,
  lookPod,
  readLookOutput,
  readLookPod,
  readWhoOutput,
} from './look-pod'
import type { Objects } from './objects'
import { onceCounted } from './once-counted'
import { judge } from './progress'
import { serviceUsers } from './service-users'

/** How often an output is read that is not whole yet, and milliseconds between. */
const READ = { times: 100, every: 200 }
/** Milliseconds between two looks at what does not change. */
const LOOK_AGAIN = 1_000
/** The most that is read of a container's output, in bytes. */
const OUTPUT_LIMIT = 4 * 1024 * 1024

/** What is wrong with the registry, or with what it says, and not with the image as a node may have it. */
const pullCodes: ReadonlySet<Problem['code']> = new Set([
  'image-not-found',
  'registry-unreachable',
  'registry-auth',
])

type Found = Extract<Looked, { readonly kind: 'shell' | 'no-shell' }>

/** What a definition's image is got as, by an alias of the settings; undefined where there is none. */
export function aliasFor({ image }: Definition, { settings }: Platform): Aliased | undefined {
  return image === undefined ? undefined : aliasOf(image, settings.get().imageAliases)
}

/** Finds out what images are, by letting the cluster run them. */
export class Images {
  readonly #client: ApiClient
  readonly #objects: Objects
  readonly #platform: Platform
  readonly cache: ImageCache

  constructor(client: ApiClient, objects: Objects, platform: Platform) {
    this.#client = client
    this.#objects = objects
    this.#platform = platform
    this.cache = new ImageCache(platform, client.identity.endpoint)
  }

  /** See {@link Driver.resolveImage}. */
  async resolve(
    { definition, refresh, published, publishedServices = {} }: ImageRequest,
    options: KubernetesOptions,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<ResolvedImage> {
    const title = 'The image could not be got ready'
    try {
      if (definition.build && published === undefined) throw problem(cannotBuild)
      const aliases = this.#platform.settings.get().imageAliases
      const services: Record<string, string> = {}
      for (const { name, image } of definition.services) {
        const own = image === undefined ? undefined : (aliasOf(image, aliases)?.image ?? image)
        const service = publishedServices[name] ?? own
        if (service === undefined) throw problem(cannotBuild)
        services[name] = service
      }
      const alias = published === undefined ? aliasFor(definition, this.#platform) : undefined
      const reference = published ?? alias?.image ?? definition.image
      if (!reference) throw problem(noImage)
      signal.throwIfAborted()
      const known = refresh ? undefined : await this.cache.recall(reference)
      const found =
        known ??
        (refresh
          ? await this.#lookAnew(reference, options, report, signal)
          : await this.#look(reference, options, false, report, signal))
      const shells = await this.#shells(definition, services, options, report, signal)
      const user = definition.remoteUser ?? definition.containerUser ?? found.user
      if (!found.hasShell && !/^(root|\d+)?(:|$)/.test(user)) throw problem(nobodyKnows(reference, user))
      const resolved = resolveUser(user, found, reference)
      return {
        reference,
        id: found.imageId,
        user: resolved,
        // A group that is given is the only one.
        groups: user.includes(':') ? [] : groupsOf(resolved, found.group),
        serviceUsers: await this.#serviceUsers(definition, services, options, report, signal),
        imageUser: found.user,
        env: found.env,
        hasShell: found.hasShell,
        built: false,
        services,
        ...(shells && { shells }),
        ...(alias && { alias: describeAlias(alias) }),
      }
    } catch (error) {
      if (signal.aborted) throw cancelled('Getting the image ready')
      throw this.#client.failure(error, title)
    }
  }

  /** Whether images of services that end, while others run, have a shell: who starts one only once does it by that. */
  async #shells(
    definition: Definition,
    services: Readonly<Record<string, string>>,
    options: KubernetesOptions,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, boolean>> | undefined> {
    const awaited = new Set(
      definition.services.flatMap(({ dependsOn }) =>
        dependsOn.filter(({ condition }) => condition === 'completed').map(({ service }) => service),
      ),
    )
    for (const { service, condition } of definition.dependsOn ?? [])
      if (condition === 'completed') awaited.add(service)
    const shells: Record<string, boolean> = {}
    for (const { name, entrypoint } of definition.services) {
      const reference = services[name]
      if (reference === undefined || !awaited.has(name) || isShellCommand(entrypoint)) continue
      if (oneShots(definition).get(name) !== 'beside') continue
      try {
        const known =
          (await this.cache.recall(reference)) ??
          (await this.#look(reference, options, false, report, signal))
        shells[name] = known.hasShell
      } catch (error) {
        signal.throwIfAborted()
        // What is wrong with its image shows when it is started.
        report.output(`What is in the image of ${name} is not known: ${String(error)}\n`)
      }
    }
    return Object.keys(shells).length > 0 ? shells : undefined
  }

  /** Whether the registry has an image, as the cluster finds it. Rejects with raw errors, and where it does not run. */
  async isThere(
    reference: string,
    options: KubernetesOptions,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await this.#look(reference, options, true, report, signal)
      return true
    } catch (error) {
      // Of what is not there, some registries say that nobody may have it.
      const code = error instanceof ProblemError ? error.problem.code : undefined
      if (signal.aborted || (code !== 'image-not-found' && code !== 'registry-auth')) throw error
      return false
    }
  }

  /** With what the registry has now, if it has an answer; else with what the nodes have. */
  async #lookAnew(
    reference: string,
    options: KubernetesOptions,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<LookedAt> {
    try {
      return await this.#look(reference, options, true, report, signal)
    } catch (error) {
      if (signal.aborted || !(error instanceof ProblemError) || !pullCodes.has(error.problem.code))
        throw error
      report.output(`Asking for a newer image failed, and what is there is used. ${error.problem.cause}\n`)
      return this.#look(reference, options, false, report, signal)
    }
  }

  async #look(
    reference: string,
    options: KubernetesOptions,
    refresh: boolean,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<LookedAt> {
    const name = `berth-look-${nonce()}`
    report.detail('Asking the cluster for the image')
    // Not aborted under way, so that it is known what there is to remove.
    const create = () => this.#createLook(name, reference, options, refresh)
    await onceCounted(this.#platform.clock, create, signal)
    try {
      const found = await this.#outcome(name, reference, report, signal)
      report.detail('Looking into the image')
      const looked = await this.#read(name, found, signal)
      await this.cache.remember(reference, looked)
      return looked
    } finally {
      await this.#objects.delete('pods', name, 0).catch((error: unknown) => {
        this.#platform.logger.warn('kubernetes: a pod could not be removed', { name, error: String(error) })
      })
    }
  }

  /** With as much as the namespace lets it have. */
  async #createLook(
    name: string,
    reference: string,
    options: KubernetesOptions,
    refresh: boolean,
  ): Promise<void> {
    let first: unknown
    for (const amounts of lookAmounts(options)) {
      try {
        const { namespace } = this.#client.identity
        await this.#objects.createPod(
          lookPod(name, namespace, reference, { ...options, ...amounts }, refresh),
        )
        return
      } catch (error) {
        first ??= error
        const kind = rejectionOf(error)?.kind
        if (kind !== 'quota' && kind !== 'limit-range') throw error
      }
    }
    throw first
  }

  async #outcome(name: string, reference: string, report: StepReport, signal: AbortSignal): Promise<Found> {
    const { clock } = this.#platform
    const dependencies = { client: this.#client, clock }
    const { paths } = this.#objects
    const controller = new AbortController()
    const stop = AbortSignal.any([signal, controller.signal])
    let pod: V1Pod | undefined
    let events: readonly CoreV1Event[] = []
    let unscheduledSince: number | undefined
    let found: Found | undefined
    const memory = new PullMemory(clock)
    let said = ''
    const look = (): boolean => {
      if (!pod) return false
      const pulls = memory.look(pod, events)
      const looked = readLookPod(pod)
      if (looked.kind === 'shell' || looked.kind === 'no-shell') found = looked
      if (looked.kind === 'pull-failed' && (hadNoLoginYet(pod, events, pulls) || mayStillPull(pulls)))
        return false
      const failure = failureOf(looked, reference)
      if (failure) throw problem(withWhy(failure, pulls.why))
      const waits = pod.status?.conditions?.some(
        ({ type, status }) => type === 'PodScheduled' && status === 'False',
      )
      unscheduledSince = waits ? (unscheduledSince ?? clock.now()) : undefined
      if (looked.kind === 'waiting') {
        const unscheduled = unscheduledSince === undefined ? 0 : clock.now() - unscheduledSince
        const { detail, problem: hopeless } = isAnswering(pod)
          ? { detail: 'Looking into the image', problem: undefined }
          : judge({ pod, events, unscheduled, pulls })
        if (detail !== said) report.detail(detail)
        said = detail
        if (hopeless && waits) throw problem(hopeless)
      }
      return found !== undefined
    }
    const watching = [
      follow<V1Pod>(
        dependencies,
        {
          path: paths.pods,
          query: { fieldSelector: `metadata.name=${name}` },
          look: (pods) => {
            const before = pod
            pod = pods.get(name)
            if (before && !pod) throw problem(removedByHand)
            return look()
          },
        },
        stop,
      ),
      (async () => {
        do await clock.sleep(LOOK_AGAIN, stop)
        while (!look())
      })(),
    ]
    follow<CoreV1Event>(
      dependencies,
      {
        path: paths.events,
        query: { fieldSelector: `involvedObject.name=${name}` },
        look: (all) => {
          events = [...all.values()].filter(({ message }) => !isAnswer(message ?? ''))
          return false
        },
      },
      stop,
    ).catch(() => undefined) // Without a right to events less is said.
    try {
      await Promise.race(watching)
    } finally {
      controller.abort()
      for (const one of watching) one.catch(() => undefined)
    }
    if (!found) throw new Error('a look ended without an outcome')
    return found
  }

  #serviceUsers(
    definition: Definition,
    images: Readonly<Record<string, string>>,
    options: KubernetesOptions,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<Record<string, string>> {
    const look = async (image: string) =>
      (await this.cache.recall(image)) ?? this.#look(image, options, false, report, signal)
    return serviceUsers(definition.services, images, look, (text) => report.output(text))
  }

  async #read(name: string, found: Found, signal: AbortSignal): Promise<LookedAt> {
    const base = { version: 1, at: this.#platform.clock.now(), imageId: found.imageId } as const
    if (found.kind === 'no-shell')
      return { ...base, user: found.user, passwd: '', group: '', hasShell: false, env: {} }
    const [inside, user] = await Promise.all([
      this.#whole(name, 'look', readLookOutput, signal),
      found.user ?? this.#whole(name, 'who', readWhoOutput, signal),
    ])
    return { ...base, ...inside, user, hasShell: true }
  }

  /** What a container printed, once all of it has come: the node may still be writing its log when it has ended. */
  async #whole<T>(
    pod: string,
    container: string,
    read: (output: Buffer) => T | undefined,
    signal: AbortSignal,
  ): Promise<T> {
    for (let time = 0; time < READ.times; time++) {
      if (time > 0) await this.#platform.clock.sleep(READ.every, signal)
      const value = read(await this.#log(pod, container, signal))
      if (value !== undefined) return value
    }
    throw problem({
      code: 'create-failed',
      title: 'The image could not be looked into',
      cause: 'What its shell printed did not come whole.',
      remedy: 'Try again.',
    })
  }

  async #log(pod: string, container: string, signal: AbortSignal): Promise<Buffer> {
    const response = await this.#client.stream(`${this.#objects.paths.pods}/${pod}/log`, {
      query: { container, limitBytes: OUTPUT_LIMIT },
      signal,
    })
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
}

function failureOf(looked: Looked, reference: string): Problem | undefined {
  if (looked.kind === 'pull-failed') return pullProblem(reference, looked.message)
  if (looked.kind !== 'failed') return undefined
  const format = /exec format error/i.test(looked.message)
  return {
    code: format ? 'image-platform' : 'create-failed',
    title: `The image "${reference}" does not run`,
    cause: format
      ? 'It is built for another kind of processor than the node has.'
      : `The node says: ${looked.message.split('\n', 1)[0] ?? ''}`,
    remedy: format ? 'Choose an image for this platform, or other nodes.' : 'Choose another image.',
    detail: looked.message,
  }
}

const cannotBuild: Problem = {
  code: 'unsupported',
  title: 'A cluster does not build images',
  cause: 'The definition has a "build".',
  remedy: 'Build the image on a Docker target, or name one with "image".',
}
const noImage: Problem = {
  code: 'definition-invalid',
  title: 'The definition names no image',
  cause: 'It has neither "image" nor "build".',
  remedy: 'Add one of the two.',
}
const removedByHand: Problem = {
  code: 'create-failed',
  title: 'The image could not be looked into',
  cause: 'The pod that did so was removed.',
  remedy: 'Try again.',
}
function nobodyKnows(image: string, user: string): Problem {
  return {
    code: 'user-not-found',
    title: `Who "${user}" is in the image "${image}" is not known`,
    cause: 'The image has no shell, and a cluster has no other way to look into its /etc/passwd.',
    remedy: 'Give the user as a number in containerUser or remoteUser.',
  }
}
