import { posix } from 'node:path'
import type { Definition, NotApplied } from '#contract'
import type { RepositoryReader } from '../definitions/index'
import { DockerLogins } from '../platform/docker-logins'
import { aliasOf } from '../platform/image-aliases'
import type { Platform } from '../platform/platform'
import { type FeatureLock, readLock } from './lock'
import { type ResolveContext, type ResolvedFeatures, resolveFeatures } from './resolve'
import { compareLock, lockEntries } from './write-lock'

export interface PrepareContext extends Pick<ResolveContext, 'fetch' | 'signal' | 'report' | 'allow'> {
  readonly platform: Platform
  /** The repository that the definition is from; absent where it is from none. */
  readonly reader?: RepositoryReader
  /** As they are published now, whatever the lock file says. */
  readonly anew?: true
}

/**
 * Fetches what a definition asks for with the user's own logins, as its lock file says, and by the aliases that the
 * settings have for images, for a mirror serves both. Rejects as {@link resolveFeatures} does.
 */
export async function prepareFeatures(
  definition: Pick<Definition, 'features' | 'featureOrder' | 'format' | 'path'>,
  { platform, reader, anew, ...context }: PrepareContext,
): Promise<ResolvedFeatures> {
  const { features, featureOrder, format, path } = definition
  if (features.length === 0) return { features: [], notApplied: [] }
  const isLocked = !anew && path !== undefined && format === 'devcontainer'
  const lock = reader && isLocked ? await readLock(reader, path) : undefined
  const resolved = await resolveFeatures(features, {
    ...context,
    logins: new DockerLogins(platform),
    alias: (reference) => aliasOf(reference, platform.settings.get().imageAliases)?.image,
    ...(reader ? { reader } : {}),
    ...(path === undefined ? {} : { folder: posix.dirname(path) }),
    ...(featureOrder ? { order: featureOrder } : {}),
    ...(lock ? { lock } : {}),
  })
  return { ...resolved, notApplied: [...resolved.notApplied, ...notLocked(lock, resolved)] }
}

/** What a lock file does not say of the Features that are there, or says of others: it is older than the definition. */
function notLocked(lock: FeatureLock | undefined, { features }: ResolvedFeatures): NotApplied[] {
  if (!lock) return []
  return compareLock(lock, lockEntries(features)).flatMap(({ reference, locked, found }) => {
    if (locked !== null && found !== null) return []
    const reason =
      locked === null
        ? 'it is out of date: it does not name this Feature, of which the newest that the definition takes is used'
        : 'it is out of date: nothing asks for this Feature any more'
    return [
      { field: `${lock.path} (${reference})`, reason: `${reason}; "berth features lock" writes it anew` },
    ]
  })
}
