import {
  type BuildGrants,
  CLUSTER_BUILDER,
  type Definition,
  type ImageBuild,
  type KubernetesOptions,
  ProblemError,
  problem,
  type Target,
} from '#contract'
import type {
  ClusterBuilder,
  Driver,
  ImagePublisher,
  ImageRequest,
  PublishRequest,
  StepReport,
} from '../../drivers/driver'
import type { RunningOperation } from '../operations'
import { type ActionContext, silentReport } from './context'

/** Where the image of a definition is built whose target builds none. */
export interface Elsewhere {
  readonly target: Target
  readonly builder: ImagePublisher | InCluster
  /** Of the target. */
  readonly driver: Driver
  /** Repository of a registry. */
  readonly repository: string
}

/** The cluster that the workspace will be on: it pushes what it has built at once. */
interface InCluster {
  readonly cluster: ClusterBuilder
}

/**
 * Undefined where there is nothing to build, or the target does it itself. Rejects where it is not said who builds, or
 * where to push, and where the builder cannot be reached. `own`: before the settings, field by field.
 */
export async function findBuilder(
  context: ActionContext,
  target: Target,
  definition: Definition,
  own: KubernetesOptions | undefined,
  signal: AbortSignal,
): Promise<Elsewhere | undefined> {
  const what = buildsOf(definition)[0]?.build.dockerfile ?? definition.features[0]?.reference
  if (what === undefined || target.capabilities?.build !== false) return undefined
  const preferred = context.platform.settings.get().kubernetes.build
  const { builder, pushTo } = { ...preferred, ...own?.build }
  if (builder === undefined || pushTo === undefined) throw notSaid(target, what, { builder, pushTo })
  if (builder === CLUSTER_BUILDER) {
    const { target: own, driver } = await context.target(target.id, signal)
    const cluster = driver.cluster?.builder
    if (cluster) return { target: own, builder: { cluster }, driver, repository: pushTo }
  }
  const found = await reachBuilder(context, builder, preferred?.builder, signal)
  const { publisher } = found.driver
  if (publisher) return { target: found.target, builder: publisher, driver: found.driver, repository: pushTo }
  throw problem({
    code: 'unsupported',
    title: `${found.target.name} cannot build images`,
    cause: `It is chosen to build ${what} for ${target.name}, and is no Docker engine.`,
    remedy: 'Choose a Docker engine: in the settings, or with --builder.',
    actions: [settings],
  })
}

const settings = { kind: 'settings', label: 'Open the settings' } as const

/** A workspace may have been made on a machine whose engines have other names: then the one of the settings it is. */
export async function reachBuilder(
  context: ActionContext,
  builder: string,
  preferred: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly target: Target; readonly driver: Driver }> {
  try {
    return await context.target(builder, signal)
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.code !== 'not-found') throw error
    if (preferred !== undefined && preferred !== builder) return context.target(preferred, signal)
    throw problem({
      ...error.problem,
      title: `There is no ${builder} that could build the image`,
      remedy: 'Choose another Docker engine for it: in the settings, or with --builder.',
      actions: [settings],
    })
  }
}

function notSaid(
  { name }: Target,
  what: string,
  { builder, pushTo }: { readonly builder: string | undefined; readonly pushTo: string | undefined },
) {
  const missing = [
    ...(builder === undefined ? ['who builds it'] : []),
    ...(pushTo === undefined ? ['which repository it is pushed to'] : []),
  ]
  return problem({
    code: 'definition-unsupported',
    title: `${name} builds no images`,
    cause: `The definition needs an image built, of ${what}, and it is not said ${missing.join(' and ')}.`,
    remedy:
      'Say so in the settings, under "Images for clusters", or with `berth up --builder <target> --push-to <registry/repository>`; a builder is a Docker engine, or `cluster` itself. Or name an image.',
    actions: [settings],
  })
}

/** What {@link publish} does, to be planned. */
export const publishSteps = ({ target, builder, repository }: Elsewhere) =>
  'cluster' in builder
    ? [{ id: 'build', title: `Building the image in the cluster, and pushing it to ${repository}` }]
    : [
        { id: 'build', title: `Building the image on ${target.name}` },
        { id: 'push', title: `Pushing the image to ${repository}` },
      ]

/** A definition's own build, and those of its services, each as if it were a definition's own. */
export function buildsOf(
  definition: Definition,
): readonly { readonly service?: string; readonly build: ImageBuild; readonly definition: Definition }[] {
  const { image: _, ...rest } = definition
  return [
    ...(definition.build ? [{ build: definition.build, definition }] : []),
    ...definition.services.flatMap(({ name, build }) =>
      build ? [{ service: name, build, definition: { ...rest, build } }] : [],
    ),
  ]
}

/** The images of a definition that a target can pull. */
export type Published = Pick<ImageRequest, 'published' | 'publishedServices'>

/** What is built of one folder: a definition, with its services. */
export interface PublishPart {
  readonly definition: Definition
  readonly folder: string
  readonly repositories: NonNullable<ImageRequest['repositories']>
  readonly workspaceId: string
  readonly grants: BuildGrants | undefined
  readonly kubernetes?: KubernetesOptions | undefined
}

/** By the cluster, which pushes at once. Returns the reference, and whether anything had to be built. */
export async function publishInCluster(
  cluster: ClusterBuilder,
  request: PublishRequest,
  report: StepReport,
  signal: AbortSignal,
): Promise<{ readonly reference: string; readonly built: string | undefined }> {
  const { reference, present } = await cluster.find(request, report, signal)
  if (!present) await cluster.build(request, reference, report, signal)
  return { reference, built: present ? undefined : reference }
}

async function publishOn(
  publisher: ImagePublisher,
  request: PublishRequest,
  report: StepReport,
  signal: AbortSignal,
) {
  const { reference, present } = await publisher.find(request, report, signal)
  return { reference, built: present ? undefined : await publisher.build(request, report, signal) }
}

/** Builds and pushes what the registry has not already; returns the references. */
export async function publish(
  operation: RunningOperation,
  { builder, repository }: Elsewhere,
  parts: readonly PublishPart[],
): Promise<Published> {
  const images = await operation.step('build', async (report, signal) => {
    const found = []
    for (const from of parts) {
      for (const { service, definition } of buildsOf(from.definition)) {
        if (service !== undefined) report.output(`The service ${service}\n`)
        const request = { ...from, definition, repository }
        const { reference, built } =
          'cluster' in builder
            ? await publishInCluster(builder.cluster, request, report, signal)
            : await publishOn(builder, request, report, signal)
        found.push({ service, request, reference, built })
      }
    }
    if (found.every(({ built }) => built === undefined)) report.result('Unchanged since it was last built')
    return found
  })
  if (!('cluster' in builder))
    await operation.step('push', async (report, signal) => {
      for (const { request, reference, built } of images)
        if (built !== undefined) await builder.push(request, built, reference, report, signal)
      const [first] = images
      if (first && images.length === 1)
        report.result(first.built === undefined ? `${first.reference} is there` : first.reference)
    })
  const services = images.flatMap(({ service, reference }) =>
    service === undefined ? [] : [[service, reference] as const],
  )
  const own = images.find(({ service }) => service === undefined)?.reference
  return {
    ...(own === undefined ? {} : { published: own }),
    ...(services.length === 0 ? {} : { publishedServices: Object.fromEntries(services) }),
  }
}

/** Takes away what the builder keeps of a workspace's builds, now or as soon as it can be reached. Never rejects. */
export async function forgetBuilds(
  context: ActionContext,
  { target, builder }: { readonly target: Pick<Target, 'id'>; readonly builder?: Elsewhere['builder'] },
  workspace: { readonly id: string; readonly name: string },
): Promise<void> {
  // A cluster keeps none.
  if (target.id === CLUSTER_BUILDER || (builder && 'cluster' in builder)) return
  const { id, name } = workspace
  await context.cleanUp(target.id, `${name}, its builds`, (to, signal) => to.remove(id, silentReport, signal))
}
