import {
  CLUSTER_BUILDER_IMAGE,
  type ImageBuild,
  type KubernetesOptions,
  ProblemError,
  problem,
} from '#contract'
import type { DockerLogins } from '../../../platform/docker-logins'
import { aliasOf } from '../../../platform/image-aliases'
import type { ClusterBuilder, PublishedImage, PublishRequest, StepReport } from '../../driver'
import { buildArguments } from '../../shared/build/build-arguments'
import { buildDigest } from '../../shared/build/build-digest'
import { buildProblem } from '../../shared/build/build-failure'
import { buildFolder } from '../../shared/build/build-folder'
import { SolveFailure, solve } from '../../shared/build/buildkit/control'
import { describeFailure } from '../../shared/build/buildkit/failure'
import { unpackedArchive } from '../../shared/build/buildkit/llb'
import { type BuildServices, buildServices } from '../../shared/build/buildkit/services'
import { isSyntaxStep, syntaxLine } from '../../shared/build/buildkit/syntax'
import { Uploads } from '../../shared/build/buildkit/uploads'
import { insideFolder, packContext } from '../../shared/build/context'
import { rewriteDockerfile } from '../../shared/build/dockerfile-aliases'
import { pushProblem } from '../../shared/build/push-problem'
import { familiar } from '../../shared/dockerfile-images'
import { parseReference } from '../../shared/image-reference'
import { type Builder, type BuilderDependencies, openBuilder, removeForgottenBuilders } from './builder'

export interface ClusterBuilderDependencies extends BuilderDependencies {
  readonly logins: DockerLogins
  /** Options of a workspace over those of the settings, or what it was made with. */
  optionsFor(request: PublishRequest, signal: AbortSignal): Promise<KubernetesOptions>
  /** Whether the cluster gets an image from its registry. Rejects with a Problem where that cannot be told. */
  has(request: PublishRequest, reference: string, report: StepReport, signal: AbortSignal): Promise<boolean>
}

/** Builds by BuildKit in a pod that is there for one build. See {@link ClusterBuilder}. */
export class PodBuilder implements ClusterBuilder {
  readonly #dependencies: ClusterBuilderDependencies

  constructor(dependencies: ClusterBuilderDependencies) {
    this.#dependencies = dependencies
  }

  async find(request: PublishRequest, report: StepReport, signal: AbortSignal): Promise<PublishedImage> {
    const { client, platform } = this.#dependencies
    try {
      const build = buildOf(request)
      report.detail('Reading what goes into the image')
      // That of the nodes, nearly always; of nodes only an administrator may ask.
      const { platform: engine } = await client.json<{ platform: string }>('GET', '/version', { signal })
      const digest = await buildDigest(build, folderOf(request), engine, platform, signal)
      const reference = `${request.repository}:berth-${digest}`
      report.detail('Asking the cluster for it')
      const present = !build.noCache && (await this.#dependencies.has(request, reference, report, signal))
      return { reference, present }
    } catch (error) {
      throw client.failure(error, 'The build could not be looked into', signal)
    }
  }

  async build(
    request: PublishRequest,
    reference: string,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, platform } = this.#dependencies
    let builder: Builder | undefined
    try {
      await removeForgottenBuilders(this.#dependencies, signal)
      const options = await this.#dependencies.optionsFor(request, signal)
      const asked = options.build?.builderImage ?? CLUSTER_BUILDER_IMAGE
      const image = aliasOf(asked, platform.settings.get().imageAliases)?.image ?? asked
      builder = await openBuilder(this.#dependencies, image, options, report, signal)
      await new PodBuild(this.#dependencies, builder, request, reference, report, signal).run()
    } catch (error) {
      const isOwn = error instanceof ProblemError || signal.aborted
      const ended = isOwn ? undefined : await builder?.ending().catch(() => undefined)
      if (ended) throw problem(ended, error)
      throw client.failure(error, 'The image could not be built in the cluster', signal)
    } finally {
      await builder?.dispose()
    }
  }
}

function buildOf({ definition: { build } }: PublishRequest): ImageBuild {
  if (build) return build
  throw problem({
    code: 'definition-invalid',
    title: 'There is nothing to build',
    cause: 'The definition has no "build".',
    remedy: 'Name an image in it, or add a build.',
  })
}

/** The root that the paths of a build are relative to: that of another repository, where it is built of one. */
function folderOf(request: PublishRequest): string {
  const folder = buildFolder(buildOf(request), request)
  if (folder === undefined) throw new Error('what an image is built of was not cloned')
  return folder
}

/** One build by one builder. */
class PodBuild {
  readonly #dependencies: ClusterBuilderDependencies
  readonly #builder: Builder
  readonly #request: PublishRequest
  readonly #build: ImageBuild
  readonly #reference: string
  readonly #report: StepReport
  readonly #signal: AbortSignal
  /** As it was sent. */
  #dockerfile = ''

  constructor(
    dependencies: ClusterBuilderDependencies,
    builder: Builder,
    request: PublishRequest,
    reference: string,
    report: StepReport,
    signal: AbortSignal,
  ) {
    this.#dependencies = dependencies
    this.#builder = builder
    this.#request = request
    this.#build = buildOf(request)
    this.#reference = reference
    this.#report = report
    this.#signal = signal
  }

  async run(): Promise<void> {
    const { platform, logins } = this.#dependencies
    const { grants } = this.#request
    const folder = folderOf(this.#request)
    if (this.#build.network === 'host')
      this.#tell('The network of a node is not given to builds in the cluster: this one has its pod’s.')
    const services = buildServices({
      platform,
      logins,
      build: this.#build,
      grants,
      folder,
      tell: (line) => this.#tell(line),
    })
    for (let keepsSyntax = true; ; keepsSyntax = false) {
      try {
        return await this.#solve(services, keepsSyntax)
      } catch (error) {
        if (!(error instanceof SolveFailure)) throw error
        const ended = await this.#builder.ending().catch(() => undefined)
        if (ended) throw problem(ended, error)
        const reader = syntaxLine(this.#dockerfile)?.image
        if (!keepsSyntax || reader === undefined || !error.step || !isSyntaxStep(error.step.name, reader))
          throw await this.#problem(error, services)
        this.#tell(
          `${reader}, which the Dockerfile names to be read by, cannot be pulled: the builder's own reader is used.`,
        )
      }
    }
  }

  async #solve(services: BuildServices, keepsSyntax: boolean): Promise<void> {
    const { platform } = this.#dependencies
    const folder = folderOf(this.#request)
    const { context, dockerfile, inline, contexts = [] } = this.#build
    const uploads = new Uploads()
    const args = buildArguments(this.#build.args, platform)
    const rewrite = rewriteDockerfile(args, platform, {
      keepsSyntax,
      contexts,
      ...(keepsSyntax && { tell: (line) => this.#tell(line) }),
    })
    this.#report.detail('Sending the build context')
    const packed = await packContext(folder, context, dockerfile, {
      rewrite: (text) => {
        this.#dockerfile = rewrite(text)
        return this.#dockerfile
      },
      ...(inline !== undefined && { inline }),
    })
    const inputs: Record<string, Buffer> = {}
    const named: Record<string, string> = {}
    for (const { name, folder: path, url } of contexts) {
      const key = familiar(name)
      if (url !== undefined) named[`context:${key}`] = url
      if (path === undefined) continue
      // Before the builder asks, so that what leads out of the repository is a Problem of its own.
      await insideFolder(folder, path)
      const open = async () => (await packContext(folder, path, '', { inline: '', onlyContext: true })).tar
      inputs[key] = unpackedArchive(uploads.add(open), name)
      named[`context:${key}`] = `input:${key}`
    }
    const attributes = {
      ...this.#attributes(args),
      ...named,
      context: uploads.add(async () => packed.tar),
      filename: packed.dockerfile,
    }
    const { cacheFrom = [] } = this.#build
    const aliases = platform.settings.get().imageAliases
    await solve(
      await this.#builder.connect(this.#signal),
      {
        frontend: 'dockerfile.v0',
        attributes,
        inputs,
        exporter: { type: 'image', attributes: { name: this.#reference, push: 'true' } },
        cacheFrom: cacheFrom.map((image) => aliasOf(image, aliases)?.image ?? image),
      },
      new Map([...services.methods, ...uploads.methods]),
      this.#report,
      this.#signal,
    )
  }

  /** Of the reader of Dockerfiles (moby/buildkit, frontend/dockerui, "Config"). */
  #attributes(args: Readonly<Record<string, string>>): Record<string, string> {
    const { target, labels = {}, network, extraHosts, noCache, pull, platform, shmSize } = this.#build
    const prefixed = (prefix: string, values: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}:${key}`, value]))
    return {
      ...prefixed('build-arg', args),
      ...prefixed('label', labels),
      ...(target && { target }),
      ...(network === 'none' && { 'force-network-mode': 'none' }),
      ...(extraHosts?.length && {
        'add-hosts': extraHosts.map((one) => one.replace(':', '=')).join(','),
      }),
      ...(noCache && { 'no-cache': '' }),
      ...(pull && { 'image-resolve-mode': 'pull' }),
      ...(platform && { platform }),
      ...(shmSize && { 'shm-size': String(shmSize) }),
    }
  }

  async #problem(failure: SolveFailure, services: BuildServices): Promise<ProblemError> {
    const { client, logins } = this.#dependencies
    const { targetName } = client.identity
    const { message, step } = failure
    const { registry } = parseReference(this.#reference)
    if (
      message.includes(`failed to push ${this.#reference}`) ||
      /^pushing |^exporting /.test(step?.name ?? '')
    ) {
      const authenticated = (await logins.of(registry)) !== undefined
      const who = `The builder in the cluster "${targetName}"`
      return new ProblemError(
        pushProblem(message, { reference: this.#reference, registry, targetName, authenticated, who }),
        { cause: failure },
      )
    }
    const path = this.#build.inline === undefined ? this.#build.dockerfile : 'its Dockerfile'
    const dockerfile = { path, text: this.#dockerfile }
    return buildProblem({ ...describeFailure(failure, services), dockerfile }, targetName, logins)
  }

  #tell(line: string): void {
    this.#report.output(`${line}\n`)
  }
}
