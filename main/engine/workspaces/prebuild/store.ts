import type { KubernetesOptions } from '#contract'
import type { Driver, PrebuildImage } from '../../drivers/driver'
import type { Platform } from '../../platform/platform'
import { RegistryPrebuilds } from './registry-store'

/** Where the prebuilds of a target are: its engine itself or, for a cluster, a registry. */
export interface PrebuildStore {
  /** All, or those that a workspace of the repository by this address could be made from. */
  list(signal: AbortSignal, url?: string): Promise<readonly PrebuildImage[]>
  /** What an image's name leads to now; undefined where there is none, or nobody can tell. */
  imageId(reference: string, signal: AbortSignal): Promise<string | undefined>
  /** `image`: of several with this id, the one with this name alone. Resolves with whether there was one. */
  remove(prebuildId: string, signal: AbortSignal, image?: string): Promise<boolean>
}

/** What has a say in where that is. `kubernetes`: before the settings, field by field. */
export interface OnTarget {
  readonly driver: Pick<Driver, 'prebuilds' | 'cluster'>
  readonly kubernetes?: KubernetesOptions
}

/** Undefined where there can be none, or where it is not said of a cluster which registry has them. */
export function storeOf(platform: Platform, { driver, kubernetes }: OnTarget): PrebuildStore | undefined {
  if (driver.prebuilds) return driver.prebuilds
  const repository = driver.cluster && buildOf(platform, kubernetes).pushTo
  return repository === undefined ? undefined : new RegistryPrebuilds(platform, repository)
}

/** Who builds images for clusters, and where they are pushed to. */
export function buildOf(
  platform: Pick<Platform, 'settings'>,
  own: KubernetesOptions | undefined,
): NonNullable<KubernetesOptions['build']> {
  return { ...platform.settings.get().kubernetes.build, ...own?.build }
}
