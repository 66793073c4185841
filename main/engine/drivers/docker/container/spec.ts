import { posix } from 'node:path'
import type { Definition, WorkspaceUser } from '#contract'
import { substituteEnvironment } from '../../../platform/variables'
import type { WorkspaceSpec } from '../../driver'
import { homeVolume, labels, sourceVolume, workspaceLabels } from './anatomy'
import { thisMaker } from './maker'

/** Where the source volume is mounted when the source lies below it. */
const WORKSPACES = '/workspaces'

/** Keeps the container alive and answers SIGTERM at once; the init process before it reaps what is orphaned. */
const idleScript = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done'

/** Whether a container runs Berth's idle command, and not its image's own. */
export function runsIdle(definition: Definition, user: WorkspaceUser): boolean {
  return definition.overrideCommand && user.shell !== undefined
}

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
      Entrypoint: ['/bin/sh', '-c', idleScript],
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
    folders: spec.bindFolder ? [] : foldersOf(sourceFolder, definition.workspaceFolder),
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

function sourceMount(sourceFolder: string): string {
  return isBelow(sourceFolder, WORKSPACES) ? WORKSPACES : sourceFolder
}

/** A home that is the root, or lies among the sources, can have no volume of its own. */
export function keepsHome(home: string): boolean {
  return home.startsWith('/') && posix.normalize(home) !== '/' && !isBelow(home, WORKSPACES)
}

function isBelow(path: string, parent: string): boolean {
  const normal = posix.normalize(path)
  return normal === parent || normal.startsWith(`${parent}/`)
}

/** Every folder between the home and a mount below it. */
function onTheWayTo(targets: readonly string[], home: string): string[] {
  if (!keepsHome(home)) return []
  const folders = new Set<string>()
  for (const target of targets) {
    if (!isBelow(target, home)) continue
    const parts = posix.relative(home, posix.normalize(target)).split('/').slice(0, -1)
    for (const [index] of parts.entries()) folders.add(posix.join(home, ...parts.slice(0, index + 1)))
  }
  return [...folders]
}

/** The source volume's root, and every folder from there to the source and to where terminals start. */
function foldersOf(sourceFolder: string, workspaceFolder: string): string[] {
  const root = sourceMount(sourceFolder)
  const folders = new Set([root])
  for (const folder of [sourceFolder, workspaceFolder]) {
    if (!isBelow(folder, root)) continue
    let path = root
    for (const part of posix.relative(root, posix.normalize(folder)).split('/')) {
      if (!part) continue
      path = posix.join(path, part)
      folders.add(path)
    }
  }
  return [...folders]
}
