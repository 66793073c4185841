import { createHash } from 'node:crypto'
import type { Definition } from '#contract'
import { devcontainerId } from '../../definitions/variables'

/**
 * What of a definition has a part in the state that a prebuild holds, by the names that a file has for it, as digests:
 * two definitions whose digests are the same make the same prebuild of the same commit. What only matters later does not
 * count: ports, editors, commands that run at every creation or start. Nor does what is another thing in each workspace
 * or on each machine: ids, and where mounts come from.
 */
export function fieldsOf(definition: Definition, workspaceId: string): Record<string, string> {
  const { lifecycle, build } = definition
  const parts: Record<string, unknown> = {
    image: definition.image,
    build: build && { ...build, cacheFrom: undefined },
    features: definition.features.length > 0 ? definition.features : undefined,
    overrideFeatureInstallOrder: definition.featureOrder,
    workspaceFolder: definition.workspaceFolder,
    'the place of the source': definition.sourceFolder,
    containerUser: definition.containerUser,
    remoteUser: definition.remoteUser,
    containerEnv: definition.containerEnv,
    remoteEnv: definition.remoteEnv,
    userEnvProbe: definition.userEnvProbe,
    mounts: definition.mounts.map(({ target }) => target).sort(),
    repositories: definition.repositories,
    onCreateCommand: lifecycle.onCreateCommand,
    updateContentCommand: lifecycle.updateContentCommand,
    tasks: definition.tasks
      .filter(({ automatic, before, init }) => automatic && (before ?? init) !== undefined)
      .map(({ before, init, env, workingFolder }) => ({ before, init, env, workingFolder })),
  }
  const own = devcontainerId(workspaceId)
  return Object.fromEntries(
    Object.entries(parts).flatMap(([name, value]) => {
      if (value === undefined) return []
      const text = (JSON.stringify(sorted(value)) ?? '').replaceAll(own, '').replaceAll(workspaceId, '')
      return [[name, createHash('sha256').update(text).digest('hex')]]
    }),
  )
}

/** Names of the fields in which two definitions differ. */
export function changedFields(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (name) => before[name] !== now[name],
  )
}

/** The order in which names stand in a file says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]))
}
