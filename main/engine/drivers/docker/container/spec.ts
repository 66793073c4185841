import { posix } from 'node:path'
import { substituteEnvironment } from '../../../platform/variables'
import type { WorkspaceSpec } from '../../driver'
import { keepsHome, onTheWayTo, sourceFolders, sourceMount } from '../../shared/folders'
import { idleCommand, runsIdle } from '../../shared/idle'
import { homeVolume, labels, sourceVolume, workspaceLabels } from './anatomy'
import { thisMaker } from './maker'

export interface ContainerPlan {
  /** Body of the engine's container create. */
  readonly body: Record<string, unknown>
  /** Folders that must exist and belong to the workspace user, parents first. */
  readonly folders: readonly string[]
  /** Folders of the user's home on the way to a mount, parents first: the user's too, where the engine would make them. */
  readonly onTheWay: readonly string[]
}

interface EngineMount {
  readonly Type: string
  readonly Source?: string
  readonly Target: string
  readonly ReadOnly?: boolean
  readonly VolumeOptions?: { readonly Labels: Readonly<Record<string, string>> }
}

/** What the engine is asked to make of a workspace. `env` is this machine's, for variables that name it. */
export function planContainer(
  spec: WorkspaceSpec,
  making: string,
  env: Readonly<Record<string, string | undefined>>,
): ContainerPlan {
  const { definition, image } = spec
  const sourceFolder = spec.sourceFolder ?? definition.workspaceFolder
  const idle = runsIdle(definition, image.user)
  const all = workspaceLabels(spec, making)
  const mounts = mountsOf(spec, sourceFolder, all, making)
  const body = {
    // By name, which `docker ps` then shows.
    Image: image.reference,
    Hostname: spec.name,
    Env: environmentOf(spec, env),
    Labels: { ...all, [labels.maker]: thisMaker() },
    ...(definition.containerUser && { User: definition.containerUser }),
    ...(idle && {
      Entrypoint: idleCommand,
      Cmd: [],
      StopSignal: 'SIGTERM',
      WorkingDir: definition.workspaceFolder,
      // The image's own check looks at its own command, which does not run.
      Healthcheck: { Test: ['NONE'] },
    }),
    HostConfig: { Init: true, Mounts: mounts },
  }
  return {
    body,
    folders: spec.bindFolder ? [] : sourceFolders(sourceFolder, definition.workspaceFolder),
    onTheWay: onTheWayTo(
      mounts.map((mount) => mount.Target),
      image.user.home,
    ),
  }
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
    return {
      Type: mount.type,
      ...(mount.source !== undefined && { Source: mount.source }),
      Target: mount.target,
      ...(mount.readOnly && { ReadOnly: true }),
      // Not a workspace label: a volume that the definition names outlives the workspace.
      ...(mount.type === 'volume' && { VolumeOptions: { Labels: { [labels.making]: making } } }),
    }
  })
  const taken = new Set(named.map((mount) => posix.normalize(mount.Target)))
  const own: EngineMount[] = []
  if (spec.bindFolder) {
    own.push({ Type: 'bind', Source: spec.bindFolder, Target: sourceFolder })
  } else {
    own.push(volume(sourceVolume(spec.id), sourceMount(sourceFolder), { ...all, [labels.volume]: 'source' }))
  }
  if (keepsHome(home)) own.push(volume(homeVolume(spec.id), home, { ...all, [labels.volume]: 'home' }))
  return [...own.filter((mount) => !taken.has(posix.normalize(mount.Target))), ...named]
}

function volume(name: string, target: string, volumeLabels: Record<string, string>): EngineMount {
  return { Type: 'volume', Source: name, Target: target, VolumeOptions: { Labels: volumeLabels } }
}
