import type { ContributedLifecycle, Customizations, Definition, HostRequirements, Mount } from '#contract'
import { mergeContainerOptions } from '../../definitions/index'
import type { MetadataEntry } from '../image-metadata'
import { type MergeContext, type ReadEntry, readEntry } from './entry'

export type { MergeContext } from './entry'

/**
 * A definition with what the image's metadata and Features add to it (containers.dev, "Merge logic"). `entries` are in
 * their order: the image's own, then the Features' as they are installed; the definition itself comes last, and so
 * wins. What cannot be applied is named with who asks for it. Pure, and never throws because of an entry. Is done once
 * for a definition: a second time would add everything again.
 */
export function mergeMetadata(
  definition: Definition,
  entries: readonly MetadataEntry[],
  context: MergeContext,
): Definition {
  const read = entries.map((entry) => readEntry(entry, context, definition.workspaceFolder))
  const last = <K extends keyof ReadEntry>(name: K) =>
    read.findLast((entry) => entry[name] !== undefined)?.[name]
  const stated = new Set(definition.stated)
  const remoteUser = definition.remoteUser ?? last('remoteUser')
  const containerUser = definition.containerUser ?? last('containerUser')
  const userEnvProbe = definition.userEnvProbe ?? last('userEnvProbe')
  const updateRemoteUserUID = definition.updateRemoteUserUID ?? last('updateRemoteUserUID')
  const otherPortsAttributes = definition.otherPortsAttributes ?? last('otherPortsAttributes')
  const overrideCommand = stated.has('overrideCommand') ? undefined : last('overrideCommand')
  const waitFor = stated.has('waitFor') ? undefined : last('waitFor')
  const hostRequirements = largest([
    ...read.map((entry) => entry.hostRequirements),
    definition.hostRequirements,
  ])
  const container = mergeContainerOptions([...read.map((entry) => entry.container), definition.container])
  const customizations = joined([...read.map((entry) => entry.customizations), definition.customizations])
  const lifecycles = read.flatMap(({ lifecycle }, index): ContributedLifecycle[] =>
    Object.keys(lifecycle).length > 0 ? [{ origin: entries[index]?.origin ?? '', lifecycle }] : [],
  )
  const entrypoints = read.flatMap(({ entrypoint }) => (entrypoint === undefined ? [] : [entrypoint]))
  return {
    ...definition,
    ...(containerUser === undefined ? {} : { containerUser }),
    ...(remoteUser === undefined ? {} : { remoteUser }),
    containerEnv: perKey([...read.map((entry) => entry.containerEnv), definition.containerEnv]),
    remoteEnv: perKey([...read.map((entry) => entry.remoteEnv), definition.remoteEnv]),
    mounts: mountsByTarget([...read.flatMap((entry) => entry.mounts), ...definition.mounts]),
    init: definition.init || read.some((entry) => entry.init),
    ...(container ? { container } : {}),
    ...(overrideCommand === undefined ? {} : { overrideCommand }),
    forwardPorts: [...new Set([...read.flatMap((entry) => entry.forwardPorts), ...definition.forwardPorts])],
    portsAttributes: perKey([...read.map((entry) => entry.portsAttributes), definition.portsAttributes]),
    ...(otherPortsAttributes === undefined ? {} : { otherPortsAttributes }),
    ...(lifecycles.length > 0
      ? { contributedLifecycle: [...lifecycles, ...(definition.contributedLifecycle ?? [])] }
      : {}),
    ...(entrypoints.length > 0
      ? { featureEntrypoints: [...entrypoints, ...(definition.featureEntrypoints ?? [])] }
      : {}),
    ...(waitFor === undefined ? {} : { waitFor }),
    ...(userEnvProbe === undefined ? {} : { userEnvProbe }),
    ...(updateRemoteUserUID === undefined ? {} : { updateRemoteUserUID }),
    ...(hostRequirements ? { hostRequirements } : {}),
    ...(customizations ? { customizations } : {}),
    notApplied: [...definition.notApplied, ...read.flatMap((entry) => entry.notApplied)],
  }
}

/** Of each key the last one's value. */
function perKey<T>(records: readonly Readonly<Record<string, T>>[]): Record<string, T> {
  // Not by assignment: `__proto__` is no key then either.
  return Object.fromEntries(records.flatMap((record) => Object.entries(record)))
}

/** Of each target the last mount, at the place of the first. */
function mountsByTarget(mounts: readonly Mount[]): Mount[] {
  return [...new Map(mounts.map((mount) => [mount.target, mount])).values()]
}

function largest(all: readonly (HostRequirements | undefined)[]): HostRequirements | undefined {
  const result: HostRequirements = {}
  for (const one of all) {
    for (const name of ['cpus', 'memory', 'storage'] as const) {
      const wanted = one?.[name]
      if (wanted !== undefined) result[name] = Math.max(wanted, result[name] ?? 0)
    }
    if (one?.gpu && result.gpu !== 'required') result.gpu = one.gpu
    if (one?.gpuDevices) result.gpuDevices ??= one.gpuDevices
  }
  return Object.keys(result).length > 0 ? result : undefined
}

function joined(all: readonly (Customizations | undefined)[]): Customizations | undefined {
  const codes = all.flatMap((one) => one?.vscode ?? [])
  const jetbrains = all.flatMap((one) => one?.jetbrains ?? [])
  const result: Customizations = {
    ...(codes.length > 0
      ? {
          vscode: {
            extensions: [...new Set(codes.flatMap(({ extensions }) => extensions))],
            settings: perKey(codes.map(({ settings }) => settings)),
          },
        }
      : {}),
    ...(jetbrains.length > 0
      ? { jetbrains: { plugins: [...new Set(jetbrains.flatMap(({ plugins }) => plugins))] } }
      : {}),
  }
  return Object.keys(result).length > 0 ? result : undefined
}
