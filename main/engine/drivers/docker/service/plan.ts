import { posix } from 'node:path'
import type { Mount, Service, SourceMount } from '#contract'
import { substituteEnvironment } from '../../../platform/variables'
import { MANAGED_BY } from '../../shared/description'
import type { ContainerInspect } from '../api'
import { dataVolume, type Labelled, labels, memoryVolume, serviceLabels } from '../container/anatomy'
import { serviceOptions } from './options'

/** The container of a workspace, whose network its services share. */
export interface Host {
  readonly inspect: ContainerInspect
  readonly labelled: Labelled
  /** What the workspace was made with for each service, by its name. */
  readonly images: Readonly<Record<string, string>>
  /** Where its source is, as the engine's machine has it; undefined where that is not known. */
  readonly source?: string | undefined
  /** The same inside the workspace's container. */
  readonly sourceFolder?: string | undefined
}

export interface EngineMount {
  readonly Type: string
  readonly Source?: string
  readonly Target: string
  readonly ReadOnly?: boolean
  readonly TmpfsOptions?: { readonly SizeBytes: number }
  readonly VolumeOptions?: {
    readonly Labels: Readonly<Record<string, string>>
    readonly NoCopy?: true
    readonly DriverConfig?: { readonly Name: string; readonly Options: Readonly<Record<string, string>> }
  }
}

/** A volume of the workspace's own for data, which outlives its containers. */
export function dataMount(id: string, making: string, { source = '', target, readOnly }: Mount): EngineMount {
  return {
    Type: 'volume',
    Source: dataVolume(id, source),
    Target: target,
    ...(readOnly && { ReadOnly: true }),
    VolumeOptions: {
      Labels: {
        [labels.managedBy]: MANAGED_BY,
        [labels.workspace]: id,
        [labels.making]: making,
        [labels.volume]: 'data',
        [labels.data]: source,
      },
    },
  }
}

/**
 * A place in memory that containers share: the engine mounts it when the first of them starts, and what is in it is gone
 * when the last one has ended. Undefined where it has no name, and one container has it alone.
 */
export function sharedMemory(
  id: string,
  making: string,
  { type, source, target, size, readOnly }: Mount,
): EngineMount | undefined {
  if (type !== 'tmpfs' || source === undefined) return undefined
  const limit = size === undefined ? '' : `size=${size},`
  return {
    Type: 'volume',
    Source: memoryVolume(id, source, size),
    Target: target,
    ...(readOnly && { ReadOnly: true }),
    VolumeOptions: {
      NoCopy: true,
      Labels: {
        [labels.managedBy]: MANAGED_BY,
        [labels.workspace]: id,
        [labels.making]: making,
        [labels.volume]: 'memory',
      },
      DriverConfig: {
        Name: 'local',
        Options: { type: 'tmpfs', device: 'tmpfs', o: `${limit}mode=1777` },
      },
    },
  }
}

/** What the engine is asked to make of a service. `env` is this machine's, for variables that name it. */
export function planService(
  service: Service,
  { inspect, labelled, images, source }: Host,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const { id, making } = labelled
  const image = images[service.name] ?? service.image ?? ''
  const { health } = service
  const options = serviceOptions(labelled.definition, service)
  const nanoseconds = (milliseconds: number) => milliseconds * 1_000_000
  const mounts = service.mounts.map((mount): EngineMount => {
    if (mount.type === 'volume' && mount.source) return dataMount(id, making, mount)
    const shared = sharedMemory(id, making, mount)
    if (shared) return shared
    return {
      Type: mount.type,
      ...(mount.source && { Source: mount.source }),
      Target: mount.target,
      ...(mount.readOnly && { ReadOnly: true }),
      ...(mount.size !== undefined && { TmpfsOptions: { SizeBytes: mount.size } }),
    }
  })
  return {
    Image: image,
    Env: Object.entries(service.env).map(
      ([name, value]) => `${name}=${substituteEnvironment(value, { local: env })}`,
    ),
    ...options.body,
    Labels: { ...options.labels, ...serviceLabels(id, service.name, making, image) },
    ...(service.user !== undefined && { User: service.user }),
    ...(service.entrypoint && { Entrypoint: service.entrypoint }),
    ...(service.command && { Cmd: service.command }),
    ...(service.workingFolder !== undefined && { WorkingDir: service.workingFolder }),
    ...(health && {
      Healthcheck: {
        Test: ['CMD', ...health.command],
        Interval: nanoseconds(health.interval),
        Timeout: nanoseconds(health.timeout),
        StartPeriod: nanoseconds(health.startPeriod),
        Retries: health.retries,
      },
    }),
    HostConfig: {
      ...options.host,
      NetworkMode: `container:${inspect.Id}`,
      Mounts: mounts,
      ...(source !== undefined && { Binds: sourceBinds(source, placesOf(service)) }),
      RestartPolicy: { Name: restartPolicies[service.restart] },
    },
  }
}

/** What a service sees of the source, and where. */
export function placesOf({ sourceFolder, sourceMounts = [] }: Service): SourceMount[] {
  return [...(sourceFolder === undefined ? [] : [{ path: '.', target: sourceFolder }]), ...sourceMounts]
}

/** Parts of the source at places of their own; the engine makes a folder of what is not there. */
export function sourceBinds(source: string, places: readonly SourceMount[]): string[] {
  return places.map(({ path, target, readOnly }) =>
    [posix.join(source, path), target, ...(readOnly ? ['ro'] : [])].join(':'),
  )
}

/** Until its workspace stops, which stops it: the engine does not start those again that were stopped. */
const restartPolicies = { always: 'unless-stopped', 'on-failure': 'on-failure', never: 'no' } as const

/** The mount that a folder of a container lies in. */
export function mountOf(mounts: ContainerInspect['Mounts'], folder: string) {
  return mounts
    .filter(({ Destination }) => folder === Destination || folder.startsWith(`${Destination}/`))
    .sort((left, right) => right.Destination.length - left.Destination.length)[0]
}

/**
 * The source's folder on the engine's machine: the folder that is mounted, or the place where the engine keeps the
 * volume. `mountpoint` asks for the latter.
 */
export async function sourceOnEngine(
  { Mounts }: ContainerInspect,
  sourceFolder: string,
  mountpoint: (volume: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const folder = posix.normalize(sourceFolder)
  const mount = mountOf(Mounts, folder)
  if (!mount) return undefined
  const root = mount.Type === 'volume' && mount.Name ? await mountpoint(mount.Name) : mount.Source
  return root === undefined ? undefined : posix.join(root, posix.relative(mount.Destination, folder))
}
