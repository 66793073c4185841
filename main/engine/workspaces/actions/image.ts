import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildGrants, Definition, KubernetesOptions } from '#contract'
import type { RepositoryReader } from '../../definitions/index'
import type { Driver, ImageRequest, ResolvedImage, StepReport } from '../../drivers/driver'
import {
  baseArgument,
  type MetadataEntry,
  mergeMetadata,
  parseMetadataLabel,
  prepareFeatures,
  writeFeatureContext,
} from '../../features/index'
import { currentFeatureCheck } from '../../policy/feature-check'
import { buildSecretValues } from '../builds/secret-values'
import { localSecrets } from '../mask'
import type { RunningOperation } from '../operations'
import { type DefinitionRequest, definitionContext } from '../source/definition'
import { buildsOf, type Elsewhere, publish, publishInCluster, publishSteps } from './build-elsewhere'
import { buildRepositorySteps, cloneBuildRepositories } from './build-repositories'
import { nameContainerUser } from './container-user'
import { type ActionContext, silentReport, steps } from './context'
import { imageNameOf, withLabel } from './image-label'
import { adoptLocalUser } from './local-user'
import { withServiceCommands } from './service-commands'

/** What a workspace is made of, once its image is there. */
export interface Prepared {
  /** With what its image and its Features add to it. */
  readonly definition: Definition
  readonly image: ResolvedImage
}

export interface Preparation {
  readonly driver: Driver
  readonly definition: Definition
  readonly request: DefinitionRequest
  /** Who builds, where the target does not. */
  readonly elsewhere: Elsewhere | undefined
  /** The source's root on this machine; present where the definition needs it: see {@link needsFolder}. */
  readonly folder: string | undefined
  /** Set by {@link prepareImage}: roots of the repositories that images are built of. */
  readonly repositories?: Readonly<Record<string, string>>
  /** The same, to read from. */
  readonly reader: RepositoryReader | undefined
  /** An empty folder of this machine. */
  readonly temporary: string
  readonly refresh: boolean
  /** Build although there is an image that was built of the same. */
  readonly anew?: boolean
  readonly grants: BuildGrants | undefined
  readonly kubernetes?: KubernetesOptions
}

/** Whether files of the source are needed on this machine before the workspace is there. */
export function needsFolder(definition: Definition): boolean {
  // Features may lie in it, and so does their lock file.
  return buildsOf(definition).length > 0 || definition.features.length > 0
}

/** What {@link prepareImage} does, to be planned. */
export function imageSteps(definition: Definition, elsewhere: Elsewhere | undefined) {
  const features = definition.features.length > 0 ? [steps.features] : []
  const contexts = buildRepositorySteps(definition)
  return elsewhere
    ? [...contexts, ...features, ...publishSteps(elsewhere), steps.image]
    : [...contexts, steps.image, ...features]
}

/**
 * Gets the image of a definition ready: pulled or built, here or elsewhere, with its Features installed; and gives the
 * definition with what image and Features add to it (containers.dev, "Merge logic").
 */
export async function prepareImage(
  context: ActionContext,
  operation: RunningOperation,
  preparation: Preparation,
  signal: AbortSignal = operation.signal,
): Promise<Prepared> {
  const { definition, request, temporary } = preparation
  operation.hide(localSecrets(definition, context.platform.env))
  operation.hide(await secretsOfBuilds(context, preparation))
  const from = { definition, source: request.source, temporary }
  const repositories = await cloneBuildRepositories(context, operation, from, signal)
  const prepared = await prepareMerged(context, operation, { ...preparation, repositories }, signal)
  const own = await adoptLocalUser(context, operation, preparation, prepared, signal)
  const named = await nameContainerUser(preparation.driver, own)
  return withServiceCommands(context, preparation.driver, named, signal)
}

function secretsOfBuilds({ platform }: ActionContext, { definition, grants, reader }: Preparation) {
  const named = buildsOf(definition).flatMap(({ build }) => build.secrets ?? [])
  return buildSecretValues({ named, grants, env: platform.env, reader })
}

async function prepareMerged(
  context: ActionContext,
  operation: RunningOperation,
  preparation: Preparation,
  signal: AbortSignal,
): Promise<Prepared> {
  const { elsewhere, definition } = preparation
  if (elsewhere) return prepareElsewhere(context, operation, preparation, elsewhere)
  const { driver, folder, request, kubernetes, refresh } = preparation
  const { workspaceId } = request
  const { anew = false, grants, repositories = {} } = preparation
  const options = { repositories, anew, grants, ...(kubernetes === undefined ? {} : { kubernetes }) }
  const base = await operation.step(
    'image',
    async (report, stepSignal) => {
      const image = await withLabel(
        context,
        driver,
        imageNameOf(definition, context),
        report,
        stepSignal,
        () =>
          driver.resolveImage(
            { definition, workspaceId, refresh, ...options, ...(folder === undefined ? {} : { folder }) },
            report,
            stepSignal,
          ),
      )
      const told = image.alias ?? image.reused
      if (told !== undefined) report.result(told)
      return image
    },
    signal,
  )
  if (definition.features.length > 0) {
    return operation.step(
      'features',
      async (report, stepSignal) => {
        const installed = await installFeatures(context, preparation, base, report, stepSignal)
        const image = await driver.resolveImage(
          { ...installed.build, workspaceId, refresh: false, ...options },
          report,
          stepSignal,
        )
        if (image.reused !== undefined) report.result(image.reused)
        return { definition: installed.definition, image: { ...image, services: base.services } }
      },
      signal,
    )
  }
  return adopt(context, preparation, base, (again) =>
    driver.resolveImage(
      {
        definition: { ...again, image: base.reference, services: [] },
        workspaceId,
        refresh: false,
        ...options,
      },
      silentReport,
      signal,
    ),
  )
}

/**
 * The definition with what its image adds to it. `again` looks at the image, which is there, for another user than was
 * looked for.
 */
async function adopt(
  context: ActionContext,
  preparation: Preparation,
  base: ResolvedImage,
  again: (definition: Definition) => Promise<ResolvedImage>,
): Promise<Prepared> {
  const { definition } = preparation
  const merged = merge(context, preparation, base, [])
  const isSameUser =
    merged.remoteUser === definition.remoteUser && merged.containerUser === definition.containerUser
  if (isSameUser) return { definition: merged, image: base }
  const { build: _, imageIsDefault: __, ...rest } = merged
  const image = await again(rest)
  const { built, services, shells, serviceUsers = {} } = base
  return {
    definition: merged,
    image: { ...image, built, services, serviceUsers, ...(shells && { shells }) },
  }
}

/** For a target that builds none: all of it is built by another engine, pushed, and pulled from there. */
async function prepareElsewhere(
  context: ActionContext,
  operation: RunningOperation,
  preparation: Preparation,
  elsewhere: Elsewhere,
): Promise<Prepared> {
  const { driver, folder = '', request, kubernetes, refresh } = preparation
  const { workspaceId } = request
  let { definition } = preparation
  const { anew = false, grants, repositories = {} } = preparation
  let from = { definition, folder, repositories, workspaceId, grants, kubernetes }
  if (definition.features.length > 0) {
    const installed = await operation.step('features', async (report, signal) => {
      const request = {
        definition: { ...definition, services: [] },
        workspaceId,
        refresh,
        folder,
        repositories,
        grants,
      }
      if ('cluster' in elsewhere.builder) {
        const base = await baseInCluster(context, preparation, elsewhere, request, report, signal)
        return installFeatures(context, preparation, base, report, signal)
      }
      const base = await elsewhere.driver.resolveImage({ ...request, anew }, report, signal)
      // By its content: the name of what was built is another one each time.
      return installFeatures(context, preparation, base, report, signal, base.id)
    })
    definition = installed.definition
    from = { ...installed.build, repositories, workspaceId, grants, kubernetes }
  }
  const { build: _, ...services } = preparation.definition
  const own = await publish(operation, elsewhere, [
    { ...from, definition: { ...from.definition, services: [] } },
    { definition: services, folder, repositories, workspaceId, grants, kubernetes },
  ])
  const resolve = (definition: Definition, report: StepReport, signal: AbortSignal, isRefreshed: boolean) =>
    driver.resolveImage(
      {
        definition,
        workspaceId,
        refresh: isRefreshed,
        ...own,
        ...(kubernetes === undefined ? {} : { kubernetes }),
      },
      report,
      signal,
    )
  // What Features were installed on has been looked at by the engine that builds.
  const name = preparation.definition.features.length > 0 ? undefined : own.published
  const image = await operation.step('image', (report, signal) =>
    withLabel(context, driver, name, report, signal, () => resolve(definition, report, signal, refresh)),
  )
  if (preparation.definition.features.length > 0) return { definition, image }
  return adopt(context, preparation, image, (again) =>
    resolve({ ...again, services: preparation.definition.services }, silentReport, operation.signal, false),
  )
}

/** What Features are installed on: the cluster looks into it, built and pushed where the definition has it built. */
async function baseInCluster(
  context: ActionContext,
  { driver, kubernetes }: Preparation,
  { builder, repository }: Elsewhere,
  request: ImageRequest & { readonly folder: string },
  report: StepReport,
  signal: AbortSignal,
): Promise<ResolvedImage> {
  const { definition } = request
  const options = kubernetes === undefined ? {} : { kubernetes }
  const published =
    definition.build && 'cluster' in builder
      ? (await publishInCluster(builder.cluster, { ...request, ...options, repository }, report, signal))
          .reference
      : undefined
  const name = published ?? imageNameOf(definition, context)
  return withLabel(context, driver, name, report, signal, () =>
    driver.resolveImage(
      { ...request, ...options, ...(published !== undefined && { published }) },
      report,
      signal,
    ),
  )
}

interface Installation {
  readonly definition: Definition
  /** The build that installs them: its only definition, and the folder that it is made of. */
  readonly build: { readonly definition: Definition; readonly folder: string }
}

async function installFeatures(
  context: ActionContext,
  preparation: Preparation,
  base: ResolvedImage,
  report: { detail(text: string): void },
  signal: AbortSignal,
  /** How the build names the image. */
  from = base.reference,
): Promise<Installation> {
  const { definition, reader, temporary } = preparation
  report.detail('Fetching Features')
  const { features, notApplied } = await prepareFeatures(definition, {
    platform: context.platform,
    signal,
    report,
    allow: currentFeatureCheck(),
    ...(reader && { reader }),
  })
  const folder = join(temporary, 'features')
  await mkdir(folder, { recursive: true })
  const label = parseMetadataLabel(base.metadata, base.reference)
  const users = merge(context, preparation, base, [])
  const built = await writeFeatureContext(features, folder, {
    user: base.imageUser,
    ...(users.containerUser === undefined ? {} : { containerUser: users.containerUser }),
    ...(users.remoteUser === undefined ? {} : { remoteUser: users.remoteUser }),
    metadata: label.entries,
  })
  const added = built.metadata.slice(label.entries.length)
  const merged = merge(context, preparation, base, added)
  const named = {
    ...merged,
    notApplied: [...merged.notApplied, ...notApplied, ...built.notApplied],
  }
  const { image: _, imageIsDefault: __, ...rest } = named
  report.detail(`Installing ${features.map(({ name }) => name).join(', ')}`)
  return {
    definition: named,
    build: {
      folder,
      definition: {
        ...rest,
        features: [],
        services: [],
        build: {
          dockerfile: built.dockerfile,
          context: '.',
          args: { ...built.args, [baseArgument]: from },
        },
      },
    },
  }
}

/** A definition with what its image says of itself, and with what Features add. */
function merge(
  { platform }: Pick<ActionContext, 'platform'>,
  { definition, request }: Preparation,
  base: ResolvedImage,
  added: readonly MetadataEntry[],
): Definition {
  const { entries, notApplied } = parseMetadataLabel(base.metadata, base.reference)
  const all = [...entries, ...added]
  if (all.length === 0 && notApplied.length === 0) return definition
  const merged = mergeMetadata(definition, all, definitionContext(request, platform))
  return { ...merged, notApplied: [...merged.notApplied, ...notApplied] }
}
