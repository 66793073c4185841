import { z } from 'zod'
import { Definition } from './definition'
import { Dotfiles } from './dotfiles'
import { IdlePolicy, LastStop, StoredIdlePolicy } from './idle'
import { BuildGrants } from './image-build'
import { KubernetesOptions } from './kubernetes'
import { PrebuildMark } from './prebuild-mark'
import { Problem } from './problem'
import { ServiceStatus } from './service'

/** A workspace's name is a DNS label, because it is part of its URLs (RFC 1123, section 2.1), of at most 40 characters. */
export const WorkspaceName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    'Use 1 to 40 lower-case letters, digits and hyphens; begin and end with a letter or digit.',
  )
export type WorkspaceName = z.infer<typeof WorkspaceName>

/** Ten characters of `[a-z0-9]`, the first a letter; unique over all targets. */
export const WorkspaceId = z.string().regex(/^[a-z][a-z0-9]{9}$/)
export type WorkspaceId = z.infer<typeof WorkspaceId>

/** Of a copy of data: twelve letters and digits, the first a letter. */
export const SnapshotId = z.string().regex(/^[a-z][a-z0-9]{11}$/)
export type SnapshotId = z.infer<typeof SnapshotId>

/** Where data comes from: a workspace as it is now, or a snapshot of it, which may be all that is left of it. */
export const DataSource = z.strictObject({
  workspaceId: WorkspaceId,
  /** Absent: the data as it is now. */
  snapshotId: SnapshotId.optional(),
})
export type DataSource = z.infer<typeof DataSource>

/** Where a workspace's files come from. */
export const Source = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('git'),
    /** https, ssh (also `user@host:path`), git or file URL, without credentials. */
    url: z.string(),
    ref: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('branch'), name: z.string() }),
        z.strictObject({ kind: z.literal('commit'), id: z.string() }),
      ])
      .optional(),
  }),
  z.strictObject({
    kind: z.literal('folder'),
    /** Absolute path on the machine that made the workspace. */ path: z.string(),
  }),
  z.strictObject({ kind: z.literal('image'), image: z.string() }),
])
export type Source = z.infer<typeof Source>

/** Of a definition's text, in characters. */
export const maximumDefinitionText = 1024 * 1024

/** What a new workspace is to be made of. */
export const CreateInput = z.strictObject({
  /** Absent: the default target. */
  targetId: z.string().optional(),
  source: Source,
  /** Absent: made from the source, and made unique on the target. */
  name: WorkspaceName.optional(),
  /** Use this image instead of what the source's definition says. */
  image: z.string().min(1).max(500).optional(),
  /** Path of the definition to use where the source has several. */
  definitionPath: z.string().max(1000).optional(),
  /**
   * A devcontainer.json's text, read as if it were `.devcontainer/devcontainer.json` and used in place of what the
   * source has; before `definitionPath`. Not with an image as the source.
   */
  definitionText: z.string().max(maximumDefinitionText).optional(),
  /**
   * Leave out what git ignores where a folder is copied, which it is wherever it is not mounted. Absent: as the
   * settings say.
   */
  respectGitignore: z.boolean().optional(),
  /** For a cluster only, and field by field before the settings. */
  kubernetes: KubernetesOptions.optional(),
  /** What the build of its image may have of this machine; absent: nothing. */
  buildGrants: BuildGrants.optional(),
  /** Null: it is never stopped by itself. Absent: as the settings say. */
  idle: IdlePolicy.nullable().optional(),
  /** False: made from scratch, also where there is a prebuild. */
  prebuild: z.boolean().optional(),
  /** Whether it gets what the definition, its Features and its image ask for of power over the machine. Absent: no. */
  allowRights: z.boolean().optional(),
  /** Its data volumes begin as those of the same names are there. */
  dataFrom: DataSource.optional(),
  /** Name of the definition's starter project that an empty source begins with. */
  starter: z.string().min(1).max(100).optional(),
  /** Values handed over by `variables.give`. */
  givenVariables: z.uuid().optional(),
  /** Null: none. Absent: as the settings say. */
  dotfiles: Dotfiles.nullable().optional(),
})
export type CreateInput = z.infer<typeof CreateInput>

export const workspaceStates = [
  'creating',
  'starting',
  'running',
  'stopping',
  'stopped',
  'failed',
  'deleting',
] as const
export const WorkspaceState = z.enum(workspaceStates)
export type WorkspaceState = z.infer<typeof WorkspaceState>

/** The account that terminals and commands run as, as /etc/passwd inside the workspace has it. */
export const WorkspaceUser = z.strictObject({
  name: z.string(),
  uid: z.number().int(),
  gid: z.number().int(),
  /** Name or number of the group that the definition names, which then is the only one; absent: those of the account. */
  group: z.string().optional(),
  home: z.string(),
  /** Login shell; absent where the image has none. */
  shell: z.string().optional(),
})
export type WorkspaceUser = z.infer<typeof WorkspaceUser>

/** The volume for source and home, on targets where it has a size. */
export const Volume = z.strictObject({
  /** As Kubernetes writes it: `10Gi`. Absent until it has been made. */
  size: z.string().optional(),
  /** What it is to have; absent where it has what was asked for. */
  asked: z.string().optional(),
  /** What that waits for, in one sentence without a full stop. Absent without `asked`. */
  waitsFor: z.string().optional(),
  storageClass: z.string().optional(),
})
export type Volume = z.infer<typeof Volume>

/** A definition living on a target. */
export const Workspace = z.strictObject({
  id: WorkspaceId,
  targetId: z.string(),
  name: WorkspaceName,
  state: WorkspaceState,
  /** Why it is in this state, in one sentence without a full stop; never empty. */
  reason: z.string(),
  /** Present when `state` is `failed`. */
  problem: Problem.optional(),
  source: Source,
  definition: Definition,
  /** The image's reference as asked for, or the tag of the image that Berth built. */
  image: z.string(),
  user: WorkspaceUser,
  owner: z.string(),
  /** Milliseconds since the epoch. */
  createdAt: z.number(),
  /** When it last came up; absent unless running. */
  startedAt: z.number().optional(),
  /** Names this run of the workspace: changes whenever its container or pod is replaced or restarted. */
  incarnation: z.string().optional(),
  /** The engine's own name for it, for people who use `docker` beside Berth. */
  instance: z.string().optional(),
  /** What it was made with; on a cluster only. */
  kubernetes: KubernetesOptions.optional(),
  volume: Volume.optional(),
  /** In the definition's order; absent where it has none. */
  services: z.array(ServiceStatus).optional(),
  /** Absent: it is never stopped by itself. */
  idle: StoredIdlePolicy.optional(),
  /** Present from when Berth stopped it by itself until it is started again. */
  lastStop: LastStop.optional(),
  /** What its container was made from; absent: from scratch. */
  prebuild: PrebuildMark.optional(),
})
export type Workspace = z.infer<typeof Workspace>

/** What an action keeps and what it loses, told before it is done. */
export const Survival = z.strictObject({
  kept: z.array(z.strictObject({ what: z.string(), path: z.string().optional() })),
  lost: z.array(
    z.strictObject({
      what: z.string(),
      path: z.string().optional(),
      /** Snapshots of its data, which can be kept: `keepSnapshots` of the deletion. */
      keepable: z.literal(true).optional(),
    }),
  ),
  /** Work in git repositories of the workspace that exists nowhere else. */
  unsaved: z.array(
    z.strictObject({
      repository: z.string(),
      uncommitted: z.number().int(),
      untracked: z.number().int(),
      unpushed: z.number().int(),
      stashed: z.number().int(),
    }),
  ),
  /** False when the workspace could not be asked (not running, no git); then `unsaved` says nothing. */
  unsavedKnown: z.boolean(),
  /** What may happen besides, in a sentence or two; absent where nothing can. */
  risk: z.string().optional(),
})
export type Survival = z.infer<typeof Survival>
