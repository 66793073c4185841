import type { LockComparison } from '#contract'
import type { FeatureLock, LockedFeature } from './lock'
import type { ResolvedFeature } from './resolve'

interface Entry extends LockedFeature {
  readonly dependsOn?: readonly string[]
}

/**
 * What a lock file says of Features (containers.dev, "Lockfiles"), by their references as they are written, in the order
 * of the dev container CLI. Folders have no version that could be kept, and are not in it.
 */
export function lockEntries(features: readonly ResolvedFeature[]): ReadonlyMap<string, Entry> {
  const entries = features.flatMap(
    ({ reference, parsed, digest, metadata }): (readonly [string, Entry])[] => {
      if (digest === undefined || parsed.kind === 'folder') return []
      const dependsOn = metadata.dependsOn.map((one) => one.reference)
      return [
        [
          reference,
          {
            version: metadata.version,
            resolved: parsed.kind === 'registry' ? `${parsed.resource}@${digest}` : parsed.url,
            integrity: digest,
            ...(dependsOn.length > 0 && { dependsOn }),
          },
        ],
      ]
    },
  )
  return new Map(entries.sort(([a], [b]) => a.localeCompare(b)))
}

/** The text of a lock file, as the dev container CLI writes it. */
export function lockText(entries: ReadonlyMap<string, Entry>): string {
  return `${JSON.stringify({ features: Object.fromEntries(entries) }, null, 2)}\n`
}

/** What a lock file says beside what it would say now. References are the same in whatever case they are written. */
export function compareLock(
  lock: Pick<FeatureLock, 'features'> | undefined,
  entries: ReadonlyMap<string, LockedFeature>,
): LockComparison[] {
  const found = [...entries].map(([reference, now]): LockComparison => {
    const before = lock?.features.get(reference.toLowerCase())
    const isSame = before?.resolved === now.resolved && before.integrity === now.integrity
    return { reference, locked: before?.version ?? null, found: now.version, isSame }
  })
  const known = new Set([...entries.keys()].map((reference) => reference.toLowerCase()))
  const gone = [...(lock?.features ?? [])].filter(([reference]) => !known.has(reference))
  return [
    ...found,
    ...gone.map(([reference, { version }]) => ({ reference, locked: version, found: null, isSame: false })),
  ]
}
