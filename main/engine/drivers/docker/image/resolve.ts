import { type Definition, ProblemError, problem, type Service } from '#contract'
import { DockerLogins } from '../../../platform/docker-logins'
import { aliasOf, describeAlias } from '../../../platform/image-aliases'
import type { Platform } from '../../../platform/platform'
import type { ImageRequest, ResolvedImage, StepReport } from '../../driver'
import { resolveUser } from '../../shared/users'
import type { ImageInspect } from '../api'
import type { EngineClient } from '../client'
import { QUICK } from '../container/locate'
import { isStatus } from '../problems'
import { BASE_IMAGE, canBuildBaseImage, makeBaseImage } from './base-image'
import { buildImage } from './build'
import { ImageInspector } from './look-inside'
import { pullImage } from './pull'

/** Finds, pulls or builds images, and looks inside them. */
export class Images {
  readonly #client: EngineClient
  readonly #platform: Platform
  readonly #local: boolean
  readonly #credentials: DockerLogins
  readonly #inspector: ImageInspector

  constructor(client: EngineClient, platform: Platform, local: boolean) {
    this.#client = client
    this.#platform = platform
    this.#local = local
    this.#credentials = new DockerLogins(platform)
    this.#inspector = new ImageInspector(client, platform)
  }

  /** Takes away what a Berth left behind that was killed while it looked into an image. */
  async removeForgotten(signal: AbortSignal): Promise<void> {
    try {
      await this.#inspector.removeForgotten(signal)
    } catch (error) {
      throw this.#client.failure(error, 'What an earlier Berth left behind could not be removed', signal)
    }
  }

  /** See {@link Driver.resolveImage}. */
  async resolve(request: ImageRequest, report: StepReport, signal: AbortSignal): Promise<ResolvedImage> {
    const { definition } = request
    try {
      const built = definition.build !== undefined
      const alias = this.#aliasOf(definition)
      const { reference, reused } = await this.#get(request, report, signal)
      report.detail('Looking into the image')
      const image = await this.inspect(reference, signal)
      if (!image)
        throw problem({
          code: 'image-not-found',
          title: `The image "${reference}" is gone`,
          cause: 'It was removed while it was being looked into.',
          remedy: 'Try again.',
        })
      const inside = await this.#inspector.look(image, signal)
      const user = definition.remoteUser ?? definition.containerUser ?? image.Config?.User ?? ''
      return {
        reference,
        id: image.Id,
        user: resolveUser(user, inside, reference),
        imageUser: image.Config?.User ?? '',
        ...metadataOf(image),
        env: toRecord(image.Config?.Env ?? []),
        hasShell: inside.hasShell,
        runs: { entrypoint: image.Config?.Entrypoint ?? [], command: image.Config?.Cmd ?? [] },
        built,
        services: await this.#services(request, report, signal),
        ...(alias && reference === alias.image && { alias: describeAlias(alias) }),
        ...(reused !== undefined && { reused }),
      }
    } catch (error) {
      throw this.#client.failure(error, 'The image could not be got ready', signal)
    }
  }

  async #get(
    request: ImageRequest,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<{ readonly reference: string; readonly reused?: string }> {
    const { definition } = request
    if (!definition.build) {
      const asked = this.#aliasOf(definition)?.image ?? definition.image
      return { reference: await this.#obtain(request, asked, report, signal) }
    }
    const asked = { ...request, shared: true }
    const built = await buildImage(this.#client, this.#credentials, this.#platform, asked, report, signal)
    if (built.reused !== undefined) report.output(`${built.reused}\n`)
    return { reference: built.tag, ...(built.reused !== undefined && { reused: built.reused }) }
  }

  #aliasOf({ image }: Definition) {
    return image === undefined ? undefined : aliasOf(image, this.#platform.settings.get().imageAliases)
  }

  /** One after the other: each has the report to itself. */
  async #services(
    request: ImageRequest,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<Record<string, string>> {
    const images: Record<string, string> = {}
    for (const service of request.definition.services) {
      report.output(`The service ${service.name}\n`)
      const definition = ofService(request.definition, service)
      images[service.name] = (await this.#get({ ...request, definition }, report, signal)).reference
    }
    return images
  }

  async inspect(reference: string, signal: AbortSignal): Promise<ImageInspect | undefined> {
    try {
      return await this.#client.json<ImageInspect>('GET', `/images/${reference}/json`, {
        timeout: QUICK,
        signal,
      })
    } catch (error) {
      if (isStatus(error, 404)) return undefined
      if (isStatus(error, 400))
        throw problem({
          code: 'image-not-found',
          title: `"${reference}" is not an image's name`,
          cause: error.message,
          remedy: 'Check the spelling.',
        })
      throw error
    }
  }

  /** The image of a definition that names one: what is there, else pulled, else (the default one only) made. `reference`: its name, or its alias. */
  async #obtain(
    { definition, refresh }: ImageRequest,
    reference: string | undefined,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<string> {
    if (!reference) {
      throw problem({
        code: 'definition-invalid',
        title: 'The definition names no image',
        cause: 'It has neither "image" nor "build".',
        remedy: 'Add one of the two.',
      })
    }
    const present = await this.inspect(reference, signal)
    if (present && !refresh) return reference
    // Also by name: a definition may name the default one, as the bundled example does.
    const isDefault =
      definition.format === 'default' || definition.image === this.#platform.settings.get().defaultImage
    if (isDefault && !refresh && (await this.inspect(BASE_IMAGE, signal))) return BASE_IMAGE
    try {
      await pullImage(this.#client, this.#credentials, reference, report, signal)
      return reference
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code === 'cancelled') throw error
      const unreachable = error.problem.code === 'registry-unreachable'
      if (present) {
        report.output(`${error.problem.cause}\nThe image that is already there is used.\n`)
        return reference
      }
      if (isDefault && unreachable && (await this.inspect(BASE_IMAGE, signal))) return BASE_IMAGE
      if (!isDefault || !unreachable || !(await canBuildBaseImage(this.#local, this.#platform))) throw error
      report.output(`${error.problem.cause}\nThe base image is made from Debian's packages instead.\n`)
      await makeBaseImage(this.#client, this.#platform, report, signal)
      return BASE_IMAGE
    }
  }
}

function metadataOf({ Config }: ImageInspect): Pick<ResolvedImage, 'metadata'> {
  const metadata = Config?.Labels?.['devcontainer.metadata']
  return metadata === undefined ? {} : { metadata }
}

/** A definition that has the image of a service for its own. */
export function ofService(definition: Definition, { image, build }: Service): Definition {
  const { image: _, build: __, imageIsDefault: ___, ...rest } = definition
  return { ...rest, format: 'image', ...(image !== undefined && { image }), ...(build && { build }) }
}

/** `NAME=value` lines as a record. */
function toRecord(env: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    env.map((line) => {
      const at = line.indexOf('=')
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
    }),
  )
}
