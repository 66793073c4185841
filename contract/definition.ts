import { z } from 'zod'
import { ClusterObject, maximumClusterObjects } from './cluster-object'
import { ContainerOptions } from './container-options'
import { EventSteps } from './event-step'
import { FeatureRequest } from './feature'
import { ImageBuild } from './image-build'
import { Mount, SourceMount } from './mount'
import { PolicyExplanation } from './policy'
import { Dependency, Service } from './service'
import { Task } from './task'

/** A command as devcontainer.json writes it: a shell line, an argument vector, or several of these that run side by side. */
export const LifecycleCommand = z.union([
  z.string(),
  z.array(z.string()),
  z.record(z.string(), z.union([z.string(), z.array(z.string())])),
])
export type LifecycleCommand = z.infer<typeof LifecycleCommand>

/** The lifecycle commands in the order in which they run (containers.dev, "Lifecycle scripts"). */
export const lifecyclePhases = [
  'initializeCommand',
  'onCreateCommand',
  'updateContentCommand',
  'postCreateCommand',
  'postStartCommand',
  'postAttachCommand',
] as const
export const LifecyclePhase = z.enum(lifecyclePhases)
export type LifecyclePhase = z.infer<typeof LifecyclePhase>

export const OnAutoForward = z.enum([
  'notify',
  'openBrowser',
  'openBrowserOnce',
  'openPreview',
  'silent',
  'ignore',
])
export type OnAutoForward = z.infer<typeof OnAutoForward>

/** What a definition says of a port (containers.dev, "Port attributes"). */
export const PortAttributes = z.strictObject({
  label: z.string().optional(),
  protocol: z.enum(['http', 'https', 'tcp']).optional(),
  onAutoForward: OnAutoForward.optional(),
  requireLocalPort: z.boolean().optional(),
  /** What its address leads to, absolute and with its query; absent: the root. */
  path: z.string().startsWith('/').optional(),
  elevateIfNeeded: z.boolean().optional(),
})
export type PortAttributes = z.infer<typeof PortAttributes>

/** Something the definition says that Berth does not do, and why: shown to the user by name. */
export const NotApplied = z.strictObject({ field: z.string(), reason: z.string() })
export type NotApplied = z.infer<typeof NotApplied>

/** A git repository that belongs beside the source (.gitpod.yml, "additionalRepositories"; devfile, "projects"). */
export const AdditionalRepository = z.strictObject({
  url: z.string(),
  /** The address is that of a zip archive; absent: of a git repository. */
  archive: z.literal(true).optional(),
  /** Branch, tag or commit. */
  ref: z.string().optional(),
  /** Absolute path inside the workspace. */
  folder: z.string(),
  /** What its clone calls the server that it is from; absent: `origin`. */
  remote: z.string().optional(),
  /** Other servers that its clone knows, by their names. */
  remotes: z.record(z.string(), z.string()).optional(),
})
export type AdditionalRepository = z.infer<typeof AdditionalRepository>

/** Files with which an empty source can begin (devfile, "starterProjects"). */
export const StarterProject = z.strictObject({
  name: z.string().min(1).max(100),
  description: z.string().optional(),
  url: z.string(),
  /** The address is that of a zip archive; absent: of a git repository. */
  archive: z.literal(true).optional(),
  /** Branch, tag or commit. */
  ref: z.string().optional(),
  /** Of the repository, relative; absent: all of it. */
  subFolder: z.string().optional(),
})
export type StarterProject = z.infer<typeof StarterProject>

/** A secret that the definition wants the user asked for; it is a variable of the workspace then. */
export const SecretRequest = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  /** An `http(s)` address. */
  documentationUrl: z.string().optional(),
})
export type SecretRequest = z.infer<typeof SecretRequest>

/** The least that the machine must have (containers.dev, "Minimum host requirements"). Sizes are in bytes. */
export const HostRequirements = z.strictObject({
  cpus: z.number().positive().optional(),
  memory: z.number().int().positive().optional(),
  storage: z.number().int().positive().optional(),
  gpu: z.enum(['required', 'optional']).optional(),
  /** As what a cluster's nodes have them, and how many; absent: one of `nvidia.com/gpu`. An engine gives all it has. */
  gpuDevices: z.strictObject({ resource: z.string().min(1), count: z.number().int().min(1) }).optional(),
})
export type HostRequirements = z.infer<typeof HostRequirements>

/** What editors are told when they open the workspace. */
export const Customizations = z.strictObject({
  vscode: z
    .strictObject({
      /** `publisher.name`, or with `-` before it one that is not wanted. */
      extensions: z.array(z.string()),
      settings: z.record(z.string(), z.json()),
    })
    .optional(),
  /** Plugins by their ids. */
  jetbrains: z.strictObject({ plugins: z.array(z.string()) }).optional(),
})
export type Customizations = z.infer<typeof Customizations>

/** How the user's environment is found out for lifecycle commands (containers.dev, "userEnvProbe"). */
export const UserEnvProbe = z.enum(['none', 'interactiveShell', 'loginShell', 'loginInteractiveShell'])
export type UserEnvProbe = z.infer<typeof UserEnvProbe>

/** What a Feature, or the metadata of an image, has run in the workspace. */
export const ContributedLifecycle = z.strictObject({
  /** Who says so, as the user knows it: a Feature's reference or an image's name. */
  origin: z.string(),
  lifecycle: z.partialRecord(LifecyclePhase, LifecycleCommand),
})
export type ContributedLifecycle = z.infer<typeof ContributedLifecycle>

/** Formats of a definition: of a file, of no file (`image`, `default`), or guessed from the repository (`detected`). */
export const DefinitionFormatName = z.enum([
  'devcontainer',
  'gitpod',
  'devfile',
  'dockerfile',
  'detected',
  'image',
  'default',
])
export type DefinitionFormatName = z.infer<typeof DefinitionFormatName>

/**
 * What a workspace should be, whatever file said so. Variables are already substituted, with two exceptions:
 * `${containerEnv:NAME}`, which only a running container can answer, and `${localEnv:NAME}` in containerEnv,
 * remoteEnv, build arguments and lifecycle commands, whose value may be a secret: a definition is stored in clear on
 * the target, so these stay as written and are filled in by whoever uses them. Holds no secret value.
 */
export const Definition = z.strictObject({
  version: z.literal(1),
  /** The file's own name for the environment; empty where it gives none. */
  title: z.string(),
  format: DefinitionFormatName,
  /** Path of the file that said it, relative to the repository's root; absent where no file did. */
  path: z.string().optional(),
  /**
   * The text of a devcontainer.json that somebody gave in place of a file of the source: a rebuild reads it again while
   * the source has no definition of its own. Absent where it is too long to be kept with a workspace.
   */
  givenText: z.string().optional(),
  /** Exactly one of `image` and `build` is present. */
  image: z.string().optional(),
  /** The file names neither image nor build: `image` is the default one. */
  imageIsDefault: z.literal(true).optional(),
  build: ImageBuild.optional(),
  /** Installed on top of the image, in an order of their own. */
  features: z.array(FeatureRequest).default([]),
  /** Features that come first, by their references without a version, the first one first. */
  featureOrder: z.array(z.string()).optional(),
  /** Absolute path inside the workspace where terminals and commands start; a folder of the source, or of the image. */
  workspaceFolder: z.string(),
  /**
   * Absolute path of the repository's root inside the workspace, which has `workspaceFolder` in it, or lies in it, or
   * has nothing to do with it; absent: as `workspaceFolder` says.
   */
  sourceFolder: z.string().optional(),
  /** Who PID 1 runs as; absent: as the image says. */
  containerUser: z.string().optional(),
  /** Who terminals and lifecycle commands run as; absent: as `containerUser`. */
  remoteUser: z.string().optional(),
  containerEnv: z.record(z.string(), z.string()),
  /** `null` unsets the variable. */
  remoteEnv: z.record(z.string(), z.union([z.string(), z.null()])),
  mounts: z.array(Mount),
  /** Parts of the source that are seen at a second place too. */
  sourceMounts: z.array(SourceMount).optional(),
  /** Whether the definition asks for an init process. Berth always has one; kept for display. */
  init: z.boolean(),
  /** How the container is made besides; absent: in the target's usual way. */
  container: ContainerOptions.optional(),
  /** False: the image's own entry point and command run instead of Berth's idle command. */
  overrideCommand: z.boolean(),
  /** In place of the image's own, where that runs at all: see `overrideCommand`. */
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  /** Containers beside the workspace's own. */
  services: z.array(Service).default([]),
  /** Objects of a cluster beside the workspace; each is made where the user allowed it, and goes with the workspace. */
  clusterObjects: z.array(ClusterObject).max(maximumClusterObjects).optional(),
  /** Other names by which services reach the workspace. */
  aliases: z.array(z.string()).optional(),
  /** What of the services must be so before lifecycle commands run; absent: each has started, or is healthy if it can tell. */
  dependsOn: z.array(Dependency).optional(),
  /** Ports to forward whether or not anything listens yet, in the definition's order. */
  forwardPorts: z.array(z.number().int().min(1).max(65535)),
  /** Keys are a port (`8501`), a range (`3000-3010`) or a regular expression on the process's command line. */
  portsAttributes: z.record(z.string(), PortAttributes),
  otherPortsAttributes: PortAttributes.optional(),
  lifecycle: z.partialRecord(LifecyclePhase, LifecycleCommand),
  /** What runs before its processes are asked to end, whenever it is stopped and nobody forces that. */
  preStopCommand: LifecycleCommand.optional(),
  /** Where not all that runs at an event is for the workspace's own container. */
  eventSteps: EventSteps.optional(),
  /** Objects, by their digests, that are put into the cluster whenever it has stopped and nobody forced that. */
  postStopObjects: z.array(z.string()).optional(),
  /**
   * What runs in a phase before the definition's own command, one after the other in this order (containers.dev,
   * "Merge logic"). None has an `initializeCommand`.
   */
  contributedLifecycle: z.array(ContributedLifecycle).optional(),
  /** Shell lines that Features have run whenever the container starts, in this order, before its command. */
  featureEntrypoints: z.array(z.string()).optional(),
  /** The last phase that must end before the workspace counts as ready. */
  waitFor: LifecyclePhase,
  /** Fields with a default that the file itself gives, so that an image's metadata does not override them. */
  stated: z.array(z.enum(['overrideCommand', 'waitFor'])).optional(),
  userEnvProbe: UserEnvProbe.optional(),
  /** False: the remote user keeps the uid that the image gives it, also where a folder of this machine is mounted. */
  updateRemoteUserUID: z.boolean().optional(),
  tasks: z.array(Task).default([]),
  repositories: z.array(AdditionalRepository).default([]),
  /** For a source that is empty but for its definition: one can be chosen when the workspace is made. */
  starterProjects: z.array(StarterProject).optional(),
  secrets: z.array(SecretRequest).default([]),
  hostRequirements: HostRequirements.optional(),
  customizations: Customizations.optional(),
  /** What team policies changed of it, and of what the workspace was made with. */
  policy: z.array(PolicyExplanation).optional(),
  notApplied: z.array(NotApplied),
})
export type Definition = z.infer<typeof Definition>

/** What every definition has unless its file says otherwise. `sourceName` names the folder of the source. */
export function emptyDefinition(sourceName: string): Omit<Definition, 'format'> {
  return {
    version: 1,
    title: '',
    workspaceFolder: `/workspaces/${sourceName}`,
    containerEnv: {},
    remoteEnv: {},
    mounts: [],
    init: false,
    overrideCommand: true,
    forwardPorts: [],
    portsAttributes: {},
    lifecycle: {},
    waitFor: 'updateContentCommand',
    features: [],
    services: [],
    tasks: [],
    repositories: [],
    secrets: [],
    notApplied: [],
  }
}

/** A workspace of nothing but an image. */
export function imageDefinition(image: string, sourceName: string): Definition {
  return { ...emptyDefinition(sourceName), format: 'image', image }
}
