import { CLUSTER_BUILDER, type KubernetesOptions, problem, type Target } from '#contract'
import type { Driver, ImagePublisher, PrebuildVerbs } from '../../drivers/driver'
import { reachBuilder } from '../actions/build-elsewhere'
import type { ActionContext } from '../actions/context'
import { buildOf, type PrebuildStore, storeOf } from './store'

/** Who makes the prebuilds of a target, and who has them then. */
export interface PrebuildPlace {
  /** The engine: the target itself, or the one that builds images for a cluster. */
  readonly engine: Target
  /** Of the engine. */
  readonly driver: Driver
  readonly prebuilds: PrebuildVerbs
  readonly store: PrebuildStore
  /** Absent where the engine itself keeps them. */
  readonly push?: PrebuildPush
}

export interface PrebuildPush {
  readonly publisher: ImagePublisher
  /** Of a registry. */
  readonly repository: string
}

/**
 * Finds out where a prebuild is to be made. Rejects where the target has none, where it is not said of a cluster who
 * makes them or where they go, and where that engine cannot be reached.
 */
export async function findPlace(
  context: ActionContext,
  target: Target,
  driver: Driver,
  kubernetes: KubernetesOptions | undefined,
  signal: AbortSignal,
): Promise<PrebuildPlace> {
  const { prebuilds } = driver
  if (prebuilds) return { engine: target, driver, prebuilds, store: prebuilds }
  if (!driver.cluster) throw ofNoEngine(target)
  const { builder, pushTo } = buildOf(context.platform, kubernetes)
  const store = storeOf(context.platform, { driver, ...(kubernetes && { kubernetes }) })
  if (builder === undefined || pushTo === undefined || !store) throw notSaid(target, { builder, pushTo })
  if (builder === CLUSTER_BUILDER) throw ofClusterBuilder(target)
  const preferred = context.platform.settings.get().kubernetes.build?.builder
  const found = await reachBuilder(context, builder, preferred, signal)
  const { publisher } = found.driver
  if (!found.driver.prebuilds || !publisher) throw ofNoEngine(found.target)
  if (found.target.platform !== target.platform) throw ofOtherPlatform(target, found.target)
  return {
    engine: found.target,
    driver: found.driver,
    prebuilds: found.driver.prebuilds,
    store,
    push: { publisher, repository: pushTo },
  }
}

/** Rejects what is said for a cluster where the target is none. */
export function refusePlace({ kind, name }: Target, asked: unknown): void {
  if (asked === undefined || kind === 'kubernetes') return
  throw problem({
    code: 'invalid-input',
    title: `Builder and registry cannot be chosen on ${name}`,
    cause: 'It is a Docker engine, which makes prebuilds and keeps them itself.',
    remedy: 'Leave that out, or choose a Kubernetes target.',
  })
}

const settings = { kind: 'settings', label: 'Open the settings' } as const

/** Where prebuilds of a cluster are to be looked for, and nobody has said where. */
export function ofNoRegistry({ name }: Target) {
  return problem({
    code: 'unsupported',
    title: `It is not said where the prebuilds for ${name} are`,
    cause: 'A cluster keeps none itself: they are in a repository of a registry.',
    remedy:
      'Say which one in the settings, under "Images for clusters", or with `--push-to <registry/repository>`.',
    actions: [settings],
  })
}

function notSaid(
  { name }: Target,
  { builder, pushTo }: { readonly builder: string | undefined; readonly pushTo: string | undefined },
) {
  const missing = [
    ...(builder === undefined ? ['which Docker engine makes it'] : []),
    ...(pushTo === undefined ? ['which repository it is pushed to'] : []),
  ]
  return problem({
    code: 'unsupported',
    title: `No prebuild can be made for ${name}`,
    cause: `A cluster makes none itself, and it is not said ${missing.join(' and ')}.`,
    remedy:
      'Say so in the settings, under "Images for clusters", or with `berth prebuild --builder <target> --push-to <registry/repository>`.',
    actions: [settings],
  })
}

function ofClusterBuilder({ name }: Target) {
  return problem({
    code: 'unsupported',
    title: `No prebuild can be made in ${name}`,
    cause: 'A builder in the cluster builds images, and a prebuild also runs commands in what it has built.',
    remedy:
      'Choose a Docker engine for it: `berth prebuild --builder <target>`. What it makes is used all the same.',
    actions: [settings],
  })
}

/** `up` would take it for none of its own. */
function ofOtherPlatform(target: Target, engine: Target) {
  return problem({
    code: 'image-platform',
    title: `${engine.name} cannot make prebuilds for ${target.name}`,
    cause: `What is made there is for ${engine.platform ?? 'another platform'}, and the cluster has ${target.platform ?? 'another platform'}.`,
    remedy: 'Choose a Docker engine of the same platform: in the settings, or with --builder.',
    actions: [settings],
  })
}

function ofNoEngine({ name }: Target) {
  return problem({
    code: 'unsupported',
    title: `No prebuilds can be made on ${name}`,
    cause: 'They are made on a Docker engine, and it is none.',
    remedy: 'Choose a Docker engine: with --target or, for a cluster, with --builder or in the settings.',
    actions: [settings],
  })
}
