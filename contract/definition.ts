import { z } from 'zod'

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
  elevateIfNeeded: z.boolean().optional(),
})
export type PortAttributes = z.infer<typeof PortAttributes>

export const Mount = z.strictObject({
  type: z.enum(['bind', 'volume', 'tmpfs']),
  /** A path of the machine that runs the engine, or a volume's name; absent for tmpfs. */
  source: z.string().optional(),
  /** Absolute path inside the workspace. */
  target: z.string(),
  readOnly: z.boolean().optional(),
})
export type Mount = z.infer<typeof Mount>

export const ImageBuild = z.strictObject({
  /** Path of the Dockerfile, relative to the repository's root. */
  dockerfile: z.string(),
  /** Build context, relative to the repository's root; `.` is the root itself. */
  context: z.string(),
  args: z.record(z.string(), z.string()),
  target: z.string().optional(),
  cacheFrom: z.array(z.string()).optional(),
})
export type ImageBuild = z.infer<typeof ImageBuild>

/** Something the definition says that Berth does not do, and why: shown to the user by name. */
export const NotApplied = z.strictObject({ field: z.string(), reason: z.string() })
export type NotApplied = z.infer<typeof NotApplied>

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
  format: z.enum(['devcontainer', 'dockerfile', 'image', 'default']),
  /** Path of the file that said it, relative to the repository's root; absent for `image` and `default`. */
  path: z.string().optional(),
  /** Exactly one of `image` and `build` is present. */
  image: z.string().optional(),
  /** The file names neither image nor build: `image` is the default one. */
  imageIsDefault: z.literal(true).optional(),
  build: ImageBuild.optional(),
  /** Absolute path of the source inside the workspace, and where terminals start. */
  workspaceFolder: z.string(),
  /** Who PID 1 runs as; absent: as the image says. */
  containerUser: z.string().optional(),
  /** Who terminals and lifecycle commands run as; absent: as `containerUser`. */
  remoteUser: z.string().optional(),
  containerEnv: z.record(z.string(), z.string()),
  /** `null` unsets the variable. */
  remoteEnv: z.record(z.string(), z.union([z.string(), z.null()])),
  mounts: z.array(Mount),
  /** Whether the definition asks for an init process. Berth always has one; kept for display. */
  init: z.boolean(),
  /** False: the image's own entry point and command run instead of Berth's idle command. */
  overrideCommand: z.boolean(),
  /** Ports to forward whether or not anything listens yet, in the definition's order. */
  forwardPorts: z.array(z.number().int().min(1).max(65535)),
  /** Keys are a port (`8501`), a range (`3000-3010`) or a regular expression on the process's command line. */
  portsAttributes: z.record(z.string(), PortAttributes),
  otherPortsAttributes: PortAttributes.optional(),
  lifecycle: z.partialRecord(LifecyclePhase, LifecycleCommand),
  /** The last phase that must end before the workspace counts as ready. */
  waitFor: LifecyclePhase,
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
    notApplied: [],
  }
}

/** A workspace of nothing but an image. */
export function imageDefinition(image: string, sourceName: string): Definition {
  return { ...emptyDefinition(sourceName), format: 'image', image }
}
