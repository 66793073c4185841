import { z } from 'zod'
import {
  Check,
  DataPlan,
  DataSnapshot,
  DataVolume,
  featureRequests,
  IdlePolicy,
  NewRepository,
  Operation,
  PlacedSnapshot,
  Policy,
  PolicyRecord,
  PortNumber,
  Prebuild,
  Problem,
  ProposalReason,
  Room,
  Source,
  Survival,
  Target,
  TemplateSource,
  Volume,
  WorkspaceState,
} from '#contract'

/**
 * What `--json` prints, one document per command (docs/cli.md, "JSON"). Fields are added, never renamed or removed.
 * The program itself needs the types alone; tests check real output against the schemas.
 */

/** Milliseconds since the epoch are written as ISO 8601 in UTC. */
const Time = z.iso.datetime()

export const WorkspaceDocument = z.strictObject({
  id: z.string(),
  name: z.string(),
  target: z.string(),
  state: WorkspaceState,
  reason: z.string(),
  problem: Problem.nullable(),
  source: Source,
  image: z.string(),
  /** Where terminals start, inside the workspace. */
  folder: z.string(),
  user: z.string(),
  owner: z.string(),
  /** The engine's own name for it. */
  instance: z.string().nullable(),
  createdAt: Time,
  startedAt: Time.nullable(),
  /** For source and home, where it has a size: on a cluster. */
  volume: Volume.nullable(),
  /** When it is stopped by itself; null: never. */
  idle: IdlePolicy.nullable(),
  /** Why Berth stopped it by itself; null where it did not. */
  lastStop: z.strictObject({ reason: z.string(), at: Time }).nullable(),
  /** What it was made from. */
  prebuild: z.strictObject({ id: z.string(), madeAt: Time, commit: z.string() }).nullable(),
})
export type WorkspaceDocument = z.infer<typeof WorkspaceDocument>

/** `berth idle`. Null is what there is not, or what is not known. */
export const IdleDocument = z.strictObject({
  workspace: z.strictObject({ id: z.string(), name: z.string(), target: z.string() }),
  policy: IdlePolicy.extend({ keepUntil: Time.nullable() }).nullable(),
  /** What was done last. */
  activity: z.strictObject({ reason: z.string(), at: Time }).nullable(),
  stopsAt: Time.nullable(),
  /** Why it is not stopped while no Berth is open, although its owner consents. */
  onlyWhileOpen: z.string().nullable(),
  lastStop: z.strictObject({ reason: z.string(), at: Time }).nullable(),
})
export type IdleDocument = z.infer<typeof IdleDocument>

/** `berth list`. `unreachable`: targets whose workspaces cannot be shown. */
export const ListDocument = z.strictObject({
  workspaces: z.array(WorkspaceDocument),
  unreachable: z.array(z.strictObject({ target: z.string(), problem: Problem })),
})
export type ListDocument = z.infer<typeof ListDocument>

/** `berth targets`. */
export const TargetsDocument = z.strictObject({ targets: z.array(Target) })
export type TargetsDocument = z.infer<typeof TargetsDocument>

/** `berth targets <target>`. `room` is null where it is no cluster, or does not answer. */
export const TargetDocument = z.strictObject({ target: Target, room: Room.nullable() })
export type TargetDocument = z.infer<typeof TargetDocument>

/** `berth credentials`: what is given without a question. `git`: servers, such as `https://github.com`. */
export const CredentialsDocument = z.strictObject({
  credentials: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      git: z.array(z.string()),
      ssh: z.boolean(),
      gpg: z.boolean(),
    }),
  ),
})
export type CredentialsDocument = z.infer<typeof CredentialsDocument>

/** `berth env list`. `value` is null for a secret. */
export const VariablesDocument = z.strictObject({
  variables: z.array(z.strictObject({ name: z.string(), secret: z.boolean(), value: z.string().nullable() })),
})
export type VariablesDocument = z.infer<typeof VariablesDocument>

/** `berth up|start|stop|restart|rebuild|rename|grow|delete`. `workspace` is null after delete. */
export const ActionDocument = z.strictObject({
  workspace: WorkspaceDocument.nullable(),
  operation: Operation,
  /** Fields of the definition that Berth does not apply. */
  notApplied: z.array(z.strictObject({ field: z.string(), reason: z.string() })),
  /** What the action kept and lost; null where nothing can be lost. */
  survival: Survival.nullable(),
})
export type ActionDocument = z.infer<typeof ActionDocument>

/** Sizes are in bytes. */
const OnePrebuild = Prebuild.extend({ madeAt: Time })

/** `berth prebuild`. */
export const PrebuildDocument = z.strictObject({
  prebuild: OnePrebuild,
  /** False: there was one of this commit already. */
  isNew: z.boolean(),
  operation: Operation,
})
export type PrebuildDocument = z.infer<typeof PrebuildDocument>

/** `berth prebuild list`. */
export const PrebuildListDocument = z.strictObject({ prebuilds: z.array(OnePrebuild) })
export type PrebuildListDocument = z.infer<typeof PrebuildListDocument>

/** `berth prebuild remove`. */
export const PrebuildRemovedDocument = z.strictObject({ removed: z.array(OnePrebuild) })
export type PrebuildRemovedDocument = z.infer<typeof PrebuildRemovedDocument>

export const PortDocument = z.strictObject({
  port: PortNumber,
  state: z.enum(['live', 'reconnecting', 'not-listening', 'failed']),
  protocol: z.enum(['http', 'https', 'tcp']),
  label: z.string().nullable(),
  process: z.strictObject({ pid: z.number().int(), name: z.string(), command: z.string() }).nullable(),
  /** Addresses it is bound to inside the workspace. */
  addresses: z.array(z.string()),
  /** `127.0.0.1:8501` while a Berth process forwards it. */
  local: z.string().nullable(),
  /** The URL while a Berth process serves it. */
  url: z.string().nullable(),
  problem: Problem.nullable(),
})
export type PortDocument = z.infer<typeof PortDocument>

const ListenerDocument = z.strictObject({
  kind: z.enum(['udp', 'unix']),
  /** `127.0.0.1:5353`, `[::]:5353`, or the path of a unix socket. */
  address: z.string(),
  process: z.strictObject({ pid: z.number().int(), name: z.string(), command: z.string() }).nullable(),
})

const OneWorkspace = z.strictObject({ id: z.string(), name: z.string(), target: z.string() })

/** `berth ports`. `others`: what listens and is not forwarded, as it is not TCP. */
export const PortsDocument = z.strictObject({
  workspace: OneWorkspace,
  ports: z.array(PortDocument),
  others: z.array(ListenerDocument),
})
export type PortsDocument = z.infer<typeof PortsDocument>

/** `berth url` and, once it is up, `berth forward`. */
export const AddressDocument = z.strictObject({
  workspace: OneWorkspace,
  port: PortNumber,
  local: z.string().nullable(),
  url: z.string().nullable(),
})
export type AddressDocument = z.infer<typeof AddressDocument>

/** One line of `berth serve --json`, which prints many. */
export const ServeLine = z.strictObject({
  event: z.enum(['up', 'down']),
  workspace: OneWorkspace,
  port: PortNumber,
  label: z.string().nullable(),
  local: z.string().nullable(),
  url: z.string().nullable(),
})
export type ServeLine = z.infer<typeof ServeLine>

/** `berth cp`. */
export const CopyDocument = z.strictObject({
  from: z.string(),
  to: z.string(),
  files: z.number().int(),
  bytes: z.number().int(),
  /** Entries that were left out, and why. */
  skipped: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
})
export type CopyDocument = z.infer<typeof CopyDocument>

/** `berth data list`. Without a workspace `volumes` is empty, and the snapshots are those of all targets. */
export const DataDocument = z.strictObject({
  volumes: z.array(DataVolume),
  snapshots: z.array(PlacedSnapshot),
})
export type DataDocument = z.infer<typeof DataDocument>

/** `berth data snapshot`. */
export const SnapshotDocument = ActionDocument.extend({ snapshot: DataSnapshot.nullable() })
/** `berth data restore` and `berth data clone`. */
export const RestoreDocument = ActionDocument.extend({ plan: DataPlan })
/** `berth data remove`. */
export const RemovedSnapshotDocument = z.strictObject({ removed: PlacedSnapshot })

/** `berth init`. `path` is null where nothing was written. */
export const InitDocument = z.strictObject({
  path: z.string().nullable(),
  text: z.string(),
  reasons: z.array(ProposalReason),
})
export type InitDocument = z.infer<typeof InitDocument>

/** `berth templates`. `commit` is null for those that Berth brings along, and where none was fetched. */
export const TemplatesDocument = z.strictObject({
  sources: z.array(
    TemplateSource.extend({
      commit: z.string().nullable(),
      fetchedAt: Time.nullable(),
      problem: Problem.nullable(),
    }),
  ),
})
export type TemplatesDocument = z.infer<typeof TemplatesDocument>

/** `berth new`. `commit` is null where git knows nobody who could have made it; `uncommitted` says so. */
export const NewRepositoryDocument = NewRepository.extend({
  commit: z.string().nullable(),
  uncommitted: z.string().nullable(),
})
export type NewRepositoryDocument = z.infer<typeof NewRepositoryDocument>

/** `berth tasks` */
export const TasksDocument = z.strictObject({
  workspace: OneWorkspace,
  tasks: z.array(
    z.strictObject({
      name: z.string(),
      label: z.string().nullable(),
      automatic: z.boolean(),
      group: z.enum(['build', 'run', 'test', 'debug', 'deploy']).nullable(),
      isDefault: z.boolean(),
      /** What it puts into the cluster first. */
      objects: z.array(z.string()),
      /** Lines for a shell; null: the task is a shell, or puts objects into the cluster and nothing else. */
      command: z.string().nullable(),
      /** Null: it runs in the workspace's own container. */
      service: z.string().nullable(),
      /** Null: the service's own. */
      folder: z.string().nullable(),
    }),
  ),
})
export type TasksDocument = z.infer<typeof TasksDocument>

/** `berth tasks run --background` */
export const TaskRunDocument = z.strictObject({ workspace: OneWorkspace, task: z.string() })
export type TaskRunDocument = z.infer<typeof TaskRunDocument>

/** `berth policy list`, `add`, `remove` and `refresh`. Null is what is not known. */
export const PoliciesDocument = z.strictObject({
  policies: z.array(
    z.strictObject({
      id: z.string(),
      origin: PolicyRecord.shape.origin,
      state: PolicyRecord.shape.state,
      name: z.string().nullable(),
      commit: z.string().nullable(),
      readAt: Time.nullable(),
      message: Policy.shape.spec.shape.message.unwrap().nullable(),
      templates: Policy.shape.spec.shape.templates.unwrap(),
      problem: Problem.nullable(),
    }),
  ),
})
export type PoliciesDocument = z.infer<typeof PoliciesDocument>

/** `berth policy check`. */
export const PolicyCheckDocument = z.strictObject({ valid: z.boolean(), problems: z.array(Problem) })
export type PolicyCheckDocument = z.infer<typeof PolicyCheckDocument>

/** `berth features lock` and `check`: `text` is what is in the lock file, or would be. */
export const FeatureLockDocument = featureRequests['features.lock'].output
export type FeatureLockDocument = z.infer<typeof FeatureLockDocument>

/** `berth doctor`. `ok` is false when any check failed. */
export const DoctorDocument = z.strictObject({ ok: z.boolean(), checks: z.array(Check) })
export type DoctorDocument = z.infer<typeof DoctorDocument>

/** `berth ssh-config`. */
export const SshConfigDocument = z.strictObject({
  /** Whether the line is in effect. */
  installed: z.boolean(),
  /** The user's own configuration of OpenSSH. */
  file: z.string(),
  line: z.string(),
  /** Of `show`: the file that the line names, and what is in it. */
  config: z.string().optional(),
  text: z.string().optional(),
})
export type SshConfigDocument = z.infer<typeof SshConfigDocument>

/** Any command that failed, in place of its own document. */
export const ProblemDocument = z.strictObject({ problem: Problem })
export type ProblemDocument = z.infer<typeof ProblemDocument>
