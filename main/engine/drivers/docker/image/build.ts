import { type BuildGrants, type ImageBuild, ProblemError, problem } from '#contract'
import { type DockerLogins, encodeCredentials } from '../../../platform/docker-logins'
import { aliasOf } from '../../../platform/image-aliases'
import type { Platform } from '../../../platform/platform'
import type { ImageRequest, StepReport } from '../../driver'
import { buildArguments } from '../../shared/build/build-arguments'
import { type BuildFailure, buildProblem } from '../../shared/build/build-failure'
import { buildFolder } from '../../shared/build/build-folder'
import { describeFailure } from '../../shared/build/buildkit/failure'
import { type BuildServices, buildServices } from '../../shared/build/buildkit/services'
import { isSyntaxStep, syntaxLine } from '../../shared/build/buildkit/syntax'
import { packContext } from '../../shared/build/context'
import { type DockerfileRewrite, rewriteDockerfile } from '../../shared/build/dockerfile-aliases'
import { platformArguments } from '../../shared/build/platform-arguments'
import { MANAGED_BY } from '../../shared/description'
import type { EngineClient, Query } from '../client'
import { builtRepository, labels, nonce } from '../container/anatomy'
import { EngineError, isDiskFull } from '../problems'
import { BuildKitFailure, buildWithBuildKit, NoBuildKit } from './buildkit/build'
import { type Builder, builderOf } from './buildkit/detect'
import { buildClassic, ClassicFailure } from './classic'
import { type ContextBuild, type MadeContexts, makeContexts } from './contexts'
import { nameByTag } from './name-by-tag'
import { type Earlier, findEarlier, reuseKey } from './reuse'

export interface BuildRequest
  extends Pick<
    ImageRequest,
    'definition' | 'folder' | 'repositories' | 'workspaceId' | 'refresh' | 'grants'
  > {
  /** Whether an image that was built of the same before may be taken instead, and this one by others. */
  readonly shared: boolean
  /** Builds although there is one. */
  readonly anew?: boolean
}

export interface Built {
  readonly tag: string
  /** Present where nothing was built: what was taken instead, to be shown. */
  readonly reused?: string
}

/**
 * Builds a definition's Dockerfile, by BuildKit where the engine has it and by its classic builder else, and returns
 * the tag. A build that fails or is cancelled leaves no image.
 */
export async function buildImage(
  client: EngineClient,
  logins: DockerLogins,
  platform: Platform,
  request: BuildRequest,
  report: StepReport,
  signal: AbortSignal,
): Promise<Built> {
  const { definition, workspaceId } = request
  const { build } = definition
  const folder = build && buildFolder(build, request)
  if (!build || folder === undefined) {
    throw problem({
      code: 'definition-invalid',
      title: 'The image could not be built',
      cause: 'The definition has a build but there is no folder to build from.',
      remedy: 'Name an image in the definition, or make the workspace from a repository or a folder.',
    })
  }
  const tag = `${builtRepository(workspaceId)}:${nonce()}`
  try {
    let key: string | undefined
    if (request.shared && !build.noCache) {
      report.detail('Reading what goes into the image')
      key = await reuseKey(client, platform, { build, folder, grants: request.grants }, signal)
      const asked = request.anew || request.refresh || build.pull
      const earlier = asked ? undefined : await findEarlier(client, key, workspaceId, tag, signal)
      if (earlier) return { tag, reused: describeEarlier(earlier) }
    }
    const plan = { ...request, build, folder, tag, key }
    await new Build(client, logins, platform, plan, report, signal).run()
    return { tag }
  } catch (error) {
    if (error instanceof ProblemError) throw error
    throw client.failure(error, 'The image could not be built', signal)
  }
}

function describeEarlier({ names }: Earlier): string {
  return names.length === 0 ? 'Built before, of the same files' : `Built before, for ${names.join(', ')}`
}

interface BuildPlan {
  readonly build: ImageBuild
  readonly folder: string
  readonly workspaceId: string
  readonly refresh: boolean
  readonly grants?: BuildGrants | undefined
  readonly tag: string
  readonly key: string | undefined
}

/** One build on one engine. */
class Build {
  readonly #client: EngineClient
  readonly #logins: DockerLogins
  readonly #platform: Platform
  readonly #plan: BuildPlan
  readonly #report: StepReport
  readonly #signal: AbortSignal
  /** As it was sent. */
  #dockerfile = ''
  #made: MadeContexts | undefined

  constructor(
    client: EngineClient,
    logins: DockerLogins,
    platform: Platform,
    plan: BuildPlan,
    report: StepReport,
    signal: AbortSignal,
  ) {
    this.#client = client
    this.#logins = logins
    this.#platform = platform
    this.#plan = plan
    this.#report = report
    this.#signal = signal
  }

  async run(): Promise<void> {
    const builder = await builderOf(this.#client, this.#platform, this.#signal)
    const { build } = this.#plan
    const args = buildArguments(build.args, this.#platform)
    if (build.network !== this.#network)
      this.#tell(
        "The build gets the network of the engine's machine only where you say so: --build-host-network.",
      )
    try {
      if (builder === 'classic') return await this.#classic(args)
      return await this.#byBuildKit(args)
    } finally {
      await this.#made?.dispose()
    }
  }

  async #byBuildKit(args: Readonly<Record<string, string>>): Promise<void> {
    const { workspaceId } = this.#plan
    const named = await nameByTag(this.#client, workspaceId, args, this.#signal)
    try {
      await this.#buildKit(named.args)
    } catch (error) {
      if (!(error instanceof NoBuildKit)) throw error
      this.#tell('This engine has no BuildKit: its classic builder is used.')
      await this.#classic(args)
    } finally {
      await named.dispose()
    }
  }

  async #classic(args: Readonly<Record<string, string>>): Promise<void> {
    const { build } = this.#plan
    if (build.secrets?.length || build.ssh?.length)
      this.#tell("This engine's classic builder gives a build neither secrets nor an SSH agent.")
    try {
      await this.#makeContexts('classic', (options, tag) =>
        buildClassic(this.#client, options, tag, silentReport),
      )
      const options = await this.#options('classic', args)
      await buildClassic(this.#client, options, this.#plan.tag, this.#report)
    } catch (error) {
      if (!(error instanceof ClassicFailure)) throw this.#orProblem(error)
      throw await this.#problem({
        message: error.message,
        image: error.image || undefined,
        instruction: /returned a non-zero code/.test(error.message) ? error.instruction : undefined,
        builder: 'classic',
      })
    }
  }

  async #buildKit(args: Readonly<Record<string, string>>): Promise<void> {
    const { build, folder, grants, tag } = this.#plan
    const services = buildServices({
      platform: this.#platform,
      logins: this.#logins,
      build,
      grants,
      folder,
      tell: (line) => this.#tell(line),
    })
    await this.#makeContexts('buildkit', (options, tag) =>
      buildWithBuildKit(this.#client, services, { signal: this.#signal, ...options }, tag, silentReport),
    )
    for (let keepsSyntax = true; ; keepsSyntax = false) {
      try {
        const options = await this.#options('buildkit', args, { keepsSyntax })
        await buildWithBuildKit(this.#client, services, options, tag, this.#report)
        return
      } catch (error) {
        if (!(error instanceof BuildKitFailure)) throw this.#orProblem(error)
        const reader = syntaxLine(this.#dockerfile)?.image
        const { step } = error
        if (!keepsSyntax || reader === undefined || !step || !isSyntaxStep(step.name, reader))
          throw await this.#buildKitProblem(error, services)
        this.#tell(
          `${reader}, which the Dockerfile names to be read by, cannot be pulled: the engine's own reader is used.`,
        )
      }
    }
  }

  async #makeContexts(builder: Builder, make: ContextBuild['make']): Promise<void> {
    const { build, folder, workspaceId } = this.#plan
    if (!build.contexts?.length || this.#made) return
    const detail = (text: string) => this.#report.detail(text)
    const labelled: ContextBuild['make'] = ({ query, ...options }, tag) => {
      const own = JSON.stringify({ [labels.managedBy]: MANAGED_BY, [labels.workspace]: workspaceId })
      return make({ ...options, query: { ...query, labels: own } }, tag)
    }
    const from = { client: this.#client, build, folder, workspaceId, builder, make: labelled, detail }
    this.#made = await makeContexts(from, this.#signal)
    if (this.#pulls && this.#made.contexts.some(({ isMade }) => isMade))
      this.#tell('Newer base images are not asked for: no registry has what the contexts are made of.')
  }

  /** Whether newer base images are asked for. An engine that does so asks for all of them. */
  get #pulls(): boolean {
    return this.#plan.refresh || this.#plan.build.pull === true
  }

  #buildKitProblem(failure: BuildKitFailure, services: BuildServices): Promise<ProblemError> {
    return this.#problem(describeFailure(failure, services))
  }

  #problem(failure: Omit<BuildFailure, 'dockerfile'>): Promise<ProblemError> {
    const path = this.#plan.build.inline === undefined ? this.#plan.build.dockerfile : 'its Dockerfile'
    const dockerfile = { path, text: this.#dockerfile }
    return buildProblem({ ...failure, dockerfile }, this.#client.identity.targetName, this.#logins)
  }

  /** Of what the engine refuses before it begins. */
  #orProblem(error: unknown): unknown {
    if (!(error instanceof EngineError) || isDiskFull(error) || this.#signal.aborted) return error
    return problem(
      {
        code: 'build-failed',
        title: 'The image could not be built',
        cause: `Docker answered: ${error.message.split('\n', 1)[0]}`,
        remedy: 'Correct the build section of the definition.',
        detail: error.message,
      },
      error,
    )
  }

  /** That of the engine's machine opens its services to whatever a Dockerfile runs. */
  get #network() {
    const { build, grants } = this.#plan
    return build.network === 'host' && !grants?.hostNetwork ? undefined : build.network
  }

  #tell(line: string): void {
    this.#report.output(`${line}\n`)
  }

  async #options(
    builder: Builder,
    args: Readonly<Record<string, string>>,
    { keepsSyntax = true }: Pick<DockerfileRewrite, 'keepsSyntax'> = {},
  ) {
    const { build, folder } = this.#plan
    this.#report.detail('Sending the build context')
    const rewrite = rewriteDockerfile(args, this.#platform, {
      keepsSyntax,
      ...(this.#made && { contexts: this.#made.contexts }),
      ...(keepsSyntax && { tell: (line) => this.#tell(line) }),
    })
    const context = await packContext(folder, build.context, build.dockerfile, {
      rewrite: (text) => {
        this.#dockerfile = rewrite(text)
        return this.#dockerfile
      },
      ...(build.inline !== undefined && { inline: build.inline }),
    })
    const { Os, Arch } = await this.#client.negotiate(this.#signal)
    const own = `${Os}/${Arch}`
    const automatic = platformArguments(this.#dockerfile, args, build.platform ?? own, own)
    return {
      query: this.#query(builder, context.dockerfile, { ...automatic, ...args }),
      headers: { 'x-registry-config': encodeCredentials(await this.#logins.all()) },
      body: context.tar,
      signal: this.#signal,
    }
  }

  #query(builder: Builder, dockerfile: string, args: Readonly<Record<string, string>>): Query {
    const { build, key, tag, workspaceId } = this.#plan
    const aliases = this.#platform.settings.get().imageAliases
    const cacheFrom = build.cacheFrom?.map((image) => aliasOf(image, aliases)?.image ?? image)
    const own = {
      [labels.managedBy]: MANAGED_BY,
      // What others may take is nobody's own.
      ...(key === undefined ? { [labels.workspace]: workspaceId } : { [labels.build]: key }),
    }
    return {
      t: tag,
      dockerfile,
      buildargs: JSON.stringify(args),
      ...(builder === 'classic' && { rm: true, forcerm: true }),
      ...(build.target && { target: build.target }),
      ...(cacheFrom?.length && { cachefrom: JSON.stringify(cacheFrom) }),
      ...(this.#pulls && !this.#made?.contexts.some(({ isMade }) => isMade) && { pull: true }),
      ...(build.noCache && { nocache: true }),
      ...(this.#network && { networkmode: this.#network }),
      ...(build.extraHosts?.length && { extrahosts: build.extraHosts }),
      ...(build.platform && { platform: build.platform }),
      ...(build.shmSize && { shmsize: build.shmSize }),
      labels: JSON.stringify({ ...build.labels, ...own }),
    }
  }
}

const silentReport: StepReport = {
  detail: () => undefined,
  progress: () => undefined,
  output: () => undefined,
}
