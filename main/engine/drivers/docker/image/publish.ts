import { ProblemError, problem } from '#contract'
import { DockerLogins, encodeCredentials, type RegistryCredentials } from '../../../platform/docker-logins'
import type { Platform } from '../../../platform/platform'
import type { ImagePublisher, PublishedImage, PublishRequest, StepReport } from '../../driver'
import { buildDigest } from '../../shared/build/build-digest'
import { buildFolder } from '../../shared/build/build-folder'
import { isDenial, isUnreachable, type PushFailure, pushProblem } from '../../shared/build/push-problem'
import { parseReference } from '../../shared/image-reference'
import type { ImageSummary, ProgressLine } from '../api'
import type { EngineClient } from '../client'
import { builtRepository, publishedTag } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { EngineError, isStatus } from '../problems'
import { readJsonLines } from '../streams/json-lines'
import { buildImage } from './build'
import { PushProgress } from './push'

/** Milliseconds that an engine may take to ask a registry. */
const REGISTRY_LIMIT = 60_000

/** Builds images for other targets, and pushes them. See {@link ImagePublisher}. */
export class Publisher implements ImagePublisher {
  readonly #client: EngineClient
  readonly #platform: Platform
  readonly #logins: DockerLogins
  /** By reference: an image has that name on the engine only while it is pushed, by one push at a time. */
  readonly #pushing = new Map<string, Promise<void>>()

  constructor(client: EngineClient, platform: Platform) {
    this.#client = client
    this.#platform = platform
    this.#logins = new DockerLogins(platform)
  }

  async find(request: PublishRequest, report: StepReport, signal: AbortSignal): Promise<PublishedImage> {
    const title = 'The build could not be looked into'
    try {
      const { build } = request.definition
      if (!build) throw problem(noBuild)
      report.detail('Reading what goes into the image')
      const { Os, Arch } = await this.#client.negotiate(signal)
      const folder = buildFolder(build, request)
      if (folder === undefined) throw problem(noBuild)
      const digest = await buildDigest(build, folder, `${Os}/${Arch}`, this.#platform, signal)
      const reference = `${request.repository}:${publishedTag(digest)}`
      return { reference, present: await this.check(reference, report, signal) }
    } catch (error) {
      throw this.#client.failure(error, title, signal)
    }
  }

  async check(reference: string, report: StepReport, signal: AbortSignal): Promise<boolean> {
    const { registry } = parseReference(reference)
    report.detail(`Asking ${registry} for it`)
    try {
      return await this.#isThere(reference, signal)
    } catch (error) {
      throw this.#client.failure(error, `${registry} could not be asked`, signal)
    }
  }

  async build(request: PublishRequest, report: StepReport, signal: AbortSignal): Promise<string> {
    // What was built before, the registry has.
    const asked = { ...request, refresh: false, shared: false }
    const { tag } = await buildImage(this.#client, this.#logins, this.#platform, asked, report, signal)
    return tag
  }

  async push(
    request: PublishRequest,
    built: string,
    reference: string,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    const before = this.#pushing.get(reference)
    const pushing = (async () => {
      await before
      await this.#push(request, built, reference, report, signal)
    })()
    const settled = pushing.catch(() => undefined)
    this.#pushing.set(reference, settled)
    try {
      await pushing
    } finally {
      if (this.#pushing.get(reference) === settled) this.#pushing.delete(reference)
    }
  }

  async #push(
    { workspaceId }: PublishRequest,
    built: string,
    reference: string,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    const { name, version, registry } = parseReference(reference)
    const login = await this.#logins.of(registry)
    const failure = this.#failureOf(reference, login)
    try {
      signal.throwIfAborted()
      await this.#client.json('POST', `/images/${built}/tag`, { query: { repo: name, tag: version }, signal })
      report.detail(`Pushing to ${registry}`)
      const response = await this.#client.stream('POST', `/images/${name}/push`, {
        query: { tag: version },
        headers: { 'x-registry-auth': encodeCredentials(login ?? {}) },
        signal,
      })
      const progress = new PushProgress(report)
      for await (const line of readJsonLines<ProgressLine>(response)) {
        const message = line.errorDetail?.message ?? line.error
        if (message) throw new EngineError(500, message)
        progress.take(line)
      }
      await this.#forget(reference)
      await this.#forgetBuilds(workspaceId, built)
    } catch (error) {
      await this.#forget(reference)
      await this.#forget(built)
      if (signal.aborted) throw this.#client.failure(error, 'Pushing the image', signal)
      if (error instanceof EngineError)
        throw new ProblemError(pushProblem(error.message, failure), { cause: error })
      throw this.#client.failure(error, `The image could not be pushed to ${registry}`, signal)
    }
  }

  #failureOf(reference: string, login: RegistryCredentials | undefined): PushFailure {
    const { registry } = parseReference(reference)
    const { targetName } = this.#client.identity
    return { reference, registry, targetName, authenticated: login !== undefined }
  }

  /** Whether the registry has an image, as the engine finds it (Engine API, "Distribution"). */
  async #isThere(reference: string, signal: AbortSignal): Promise<boolean> {
    const { registry } = parseReference(reference)
    const login = await this.#logins.of(registry)
    try {
      await this.#client.json('GET', `/distribution/${reference}/json`, {
        headers: { 'x-registry-auth': encodeCredentials(login ?? {}) },
        timeout: REGISTRY_LIMIT,
        signal,
      })
      return true
    } catch (error) {
      if (!(error instanceof EngineError) || signal.aborted) throw error
      const { status, message } = error
      const failure = this.#failureOf(reference, login)
      if (status === 401 || status === 403 || isDenial(message)) {
        // Of a repository that is not there yet, some registries say so to whoever may make it, too.
        if (login) await this.#checkLogin(login, failure, signal)
        else throw new ProblemError(pushProblem(message, failure), { cause: error })
      } else if (status !== 404 && isUnreachable(message))
        throw new ProblemError(pushProblem(message, failure), { cause: error })
      return false
    }
  }

  /** Before a build that may take long is done for nothing. */
  async #checkLogin(login: RegistryCredentials, failure: PushFailure, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.json('POST', '/auth', { json: login, timeout: REGISTRY_LIMIT, signal })
    } catch (error) {
      if (error instanceof EngineError && isDenial(error.message))
        throw new ProblemError(pushProblem(error.message, failure), { cause: error })
      if (!(error instanceof EngineError)) throw error
    }
  }

  /** Earlier builds of the workspace are of no more use as what a next one begins with. */
  async #forgetBuilds(workspaceId: string, newest: string): Promise<void> {
    const repository = builtRepository(workspaceId)
    const images = await this.#client.json<ImageSummary[]>('GET', '/images/json', {
      query: { filters: JSON.stringify({ reference: [`${repository}:*`] }) },
      timeout: QUICK,
    })
    for (const tag of images.flatMap(({ RepoTags }) => RepoTags ?? []))
      if (tag !== newest && tag.startsWith(`${repository}:`)) await this.#forget(tag)
  }

  /** Takes a name from an image, and the image away with its last one. Never rejects. */
  async #forget(tag: string): Promise<void> {
    try {
      await this.#client.json('DELETE', `/images/${tag}`, { timeout: QUICK })
    } catch (error) {
      if (isStatus(error, 404)) return
      this.#platform.logger.warn('docker: an image could not be removed', { tag, error: String(error) })
    }
  }
}

const noBuild = {
  code: 'definition-invalid',
  title: 'There is nothing to build',
  cause: 'The definition has no "build".',
  remedy: 'Name an image in it, or add a build.',
} as const
