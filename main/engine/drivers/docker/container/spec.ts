import { posix } from 'node:path'
import { substituteEnvironment } from '../../../platform/variables'
import type { WorkspaceSpec } from '../../driver'
import {
  isBelow,
  keepsHome,
  onTheWayTo,
  repositoryParents,
  sourceFolders,
  sourceMount,
} from '../../shared/folders'
import { commandAfterEntrypoints, idleCommand, runsIdle } from '../../shared/idle'
import { hostNames } from '../../shared/services'
import { dataMount, type EngineMount, sharedMemory, sourceBinds } from '../service/plan'
import type { ServiceNotes } from '../service/services'
import { homeVolume, labels, sourceVolume, workspaceLabels } from './anatomy'
import { thisMaker } from './maker'
import { engineOptions } from './options'
import { processorQuota } from './quota'

/** Bytes; engines refuse less. */
const MEMORY_LEAST = 6 * 1024 * 1024

export interface ContainerPlan {
  /** Body of the engine's container create. */
  readonly body: Record<string, unknown>
  /** Folders that must exist and belong to the workspace user, parents first. */
  readonly folders: readonly string[]
  /** Folders of the user's home on the way to a mount, parents first: the user's too, where the engine would make them. */
  readonly onTheWay: readonly string[]
}

/** What the engine is asked to make of a workspace. `env` is this machine's, for variables that name it. */
export function planContainer(
  spec: WorkspaceSpec,
  making: string,
  env: Readonly<Record<string, string | undefined>>,
  /** Devices that the engine's runtimes give, as the engine is asked for them. */
  devices: readonly object[] = [],
): ContainerPlan {
  const { definition, image } = spec
  const sourceFolder = spec.sourceFolder ?? definition.workspaceFolder
  const idle = runsIdle(definition, image.user)
  const all = workspaceLabels(spec, making)
  const mounts = mountsOf(spec, sourceFolder, all, making)
  const options = engineOptions(definition)
  // Services share the network, and the file with it.
  const hosts = [...hostNames(definition).map((name) => `${name}:127.0.0.1`), ...options.extraHosts]
  const body = {
    // By name, which `docker ps` then shows.
    Image: image.reference,
    Hostname: options.hostname ?? spec.name,
    Env: environmentOf(spec, env),
    Labels: {
      ...definition.container?.labels,
      ...all,
      ...serviceNotes(spec, sourceFolder),
      [labels.maker]: thisMaker(),
    },
    ...(definition.containerUser && { User: definition.containerUser }),
    ...(idle && {
      Entrypoint: idleCommand(definition),
      Cmd: [],
      StopSignal: 'SIGTERM',
      WorkingDir: workingFolder(spec, sourceFolder),
      // The image's own check looks at its own command, which does not run.
      Healthcheck: { Test: ['NONE'] },
    }),
    ...(!idle && ownCommand(spec)),
    HostConfig: {
      ...options.host,
      Init: true,
      Mounts: mounts,
      ...(devices.length > 0 && { DeviceRequests: devices }),
      ...limitsOf(spec),
      ...(spec.bindFolder !== undefined &&
        definition.sourceMounts && { Binds: sourceBinds(spec.bindFolder, definition.sourceMounts) }),
      ...(hosts.length > 0 && { ExtraHosts: hosts }),
    },
  }
  return {
    body,
    folders: spec.bindFolder
      ? foldersBeside(spec, sourceFolder)
      : sourceFolders(sourceFolder, definition.workspaceFolder, repositoryParents(definition)),
    onTheWay: onTheWayTo(
      mounts.map((mount) => mount.Target),
      image.user.home,
    ),
  }
}

/** What runs where it is not Berth's idle command. What is absent is as the image says. */
function ownCommand({ definition, image }: WorkspaceSpec) {
  const after = commandAfterEntrypoints(definition, image)
  if (after) return { Entrypoint: after, Cmd: [] }
  const { entrypoint, command } = definition
  return { ...(entrypoint && { Entrypoint: entrypoint }), ...(command && { Cmd: command }) }
}

/**
 * What the container may take at most, in place of what the definition asks for where that is more.
 */
function limitsOf({ limits, definition: { container } }: WorkspaceSpec) {
  const least = (limit: number, asked = limit) => Math.min(limit, asked)
  return {
    ...(limits?.cpu !== undefined && {
      NanoCpus: 0,
      ...processorQuota(least(limits.cpu, container?.cpus)),
    }),
    ...(limits?.memory !== undefined && {
      Memory: Math.max(MEMORY_LEAST, Math.floor(least(limits.memory, container?.memory))),
    }),
  }
}

/** The engine makes a container's working folder, where a link to a part of the source is still to be put. */
function workingFolder({ definition, bindFolder }: WorkspaceSpec, sourceFolder: string): string {
  const { workspaceFolder, sourceMounts = [] } = definition
  const isLinked = sourceMounts.some(({ target }) => isBelow(workspaceFolder, target))
  return bindFolder === undefined && isLinked ? sourceFolder : workspaceFolder
}

/** What a start needs that makes services, whoever does it. */
function serviceNotes({ definition, image }: WorkspaceSpec, sourceFolder: string): Record<string, string> {
  if (definition.services.length === 0) return {}
  const notes: ServiceNotes = { images: image.services, sourceFolder }
  return { [labels.services]: JSON.stringify(notes) }
}

function environmentOf(
  { definition, image }: WorkspaceSpec,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const sources = { local: env, container: image.env }
  return Object.entries(definition.containerEnv).map(
    ([name, value]) => `${name}=${substituteEnvironment(value, sources)}`,
  )
}

function mountsOf(
  spec: WorkspaceSpec,
  sourceFolder: string,
  all: Record<string, string>,
  making: string,
): EngineMount[] {
  const { home } = spec.image.user
  const named = spec.definition.mounts.map((mount): EngineMount => {
    if (mount.type === 'volume' && mount.ofWorkspace && mount.source) return dataMount(spec.id, making, mount)
    const shared = sharedMemory(spec.id, making, mount)
    if (shared) return shared
    return {
      Type: mount.type,
      ...(mount.source !== undefined && { Source: mount.source }),
      Target: mount.target,
      ...(mount.readOnly && { ReadOnly: true }),
      ...(mount.size !== undefined && { TmpfsOptions: { SizeBytes: mount.size } }),
      // Not a workspace label: a volume that the definition names outlives the workspace.
      ...(mount.type === 'volume' && { VolumeOptions: { Labels: { [labels.making]: making } } }),
    }
  })
  const taken = new Set(named.map((mount) => posix.normalize(mount.Target)))
  const own: EngineMount[] = []
  if (spec.bindFolder) {
    // Other repositories are kept as well, and no folder of this machine holds them.
    if (foldersBeside(spec, sourceFolder).length > 0)
      own.push(
        volume(sourceVolume(spec.id), sourceMount(sourceFolder), { ...all, [labels.volume]: 'source' }),
      )
    own.push({ Type: 'bind', Source: spec.bindFolder, Target: sourceFolder })
  } else {
    own.push(volume(sourceVolume(spec.id), sourceMount(sourceFolder), { ...all, [labels.volume]: 'source' }))
  }
  if (keepsHome(home)) own.push(volume(homeVolume(spec.id), home, { ...all, [labels.volume]: 'home' }))
  return [...own.filter((mount) => !taken.has(posix.normalize(mount.Target))), ...named]
}

/** What other repositories need of the volume where the source itself is a folder of this machine; none: no volume. */
function foldersBeside({ definition }: WorkspaceSpec, sourceFolder: string): string[] {
  const root = sourceMount(sourceFolder)
  const isBeside = (folder: string) => isBelow(folder, root) && !isBelow(folder, sourceFolder)
  if (!definition.repositories.some(({ folder }) => isBeside(folder))) return []
  return sourceFolders(root, root, repositoryParents(definition)).filter(isBeside)
}

function volume(name: string, target: string, volumeLabels: Record<string, string>): EngineMount {
  return { Type: 'volume', Source: name, Target: target, VolumeOptions: { Labels: volumeLabels } }
}
