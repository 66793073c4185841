import { posix } from 'node:path'
import type { Definition } from '#contract'
import type { RepositoryReader } from '../definitions/index'
import { DockerLogins } from '../platform/docker-logins'
import { aliasOf } from '../platform/image-aliases'
import type { Platform } from '../platform/platform'
import { readLock } from './lock'
import { type ResolveContext, type ResolvedFeatures, resolveFeatures } from './resolve'

export interface PrepareContext extends Pick<ResolveContext, 'fetch' | 'signal' | 'report' | 'allow'> {
  readonly platform: Platform
  /** The repository that the definition is from; absent where it is from none. */
  readonly reader?: RepositoryReader
}

/**
 * Fetches what a definition asks for with the user's own logins, as its lock file says, and by the aliases that the
 * settings have for images, for a mirror serves both. Rejects as {@link resolveFeatures} does.
 */
export async function prepareFeatures(
  definition: Pick<Definition, 'features' | 'featureOrder' | 'format' | 'path'>,
  { platform, reader, ...context }: PrepareContext,
): Promise<ResolvedFeatures> {
  const { features, featureOrder, format, path } = definition
  if (features.length === 0) return { features: [], notApplied: [] }
  const lock =
    reader && path !== undefined && format === 'devcontainer' ? await readLock(reader, path) : undefined
  return resolveFeatures(features, {
    ...context,
    logins: new DockerLogins(platform),
    alias: (reference) => aliasOf(reference, platform.settings.get().imageAliases)?.image,
    ...(reader ? { reader } : {}),
    ...(path === undefined ? {} : { folder: posix.dirname(path) }),
    ...(featureOrder ? { order: featureOrder } : {}),
    ...(lock ? { lock } : {}),
  })
}
