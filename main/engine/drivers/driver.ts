import type { Duplex, Readable, Writable } from 'node:stream'
import type {
  Definition,
  HostRequirements,
  KubernetesOptions,
  LastStop,
  PrebuildMark,
  Problem,
  Progress,
  ServiceStatus,
  Source,
  StoredIdlePolicy,
  Target,
  TargetCapabilities,
  Volume,
  WorkspaceUser,
} from '#contract'
import type { Disposer } from '../platform/disposable'
import type {
  ClusterVerbs,
  ContainerFit,
  DataVerbs,
  HeldGrants,
  HostCheck,
  ImagePublisher,
  PrebuildVerbs,
  SecretVerbs,
} from './verbs'

export type {
  ClusterBuilder,
  ClusterVerbs,
  ContainerFit,
  DataVerbs,
  HeldGrants,
  HostCheck,
  ImagePublisher,
  NewSnapshot,
  PrebuildImage,
  PrebuildSpec,
  PrebuildVerbs,
  PublishedImage,
  PublishRequest,
  SecretVerbs,
} from './verbs'

/**
 * What a kind of target must be able to do. Everything a user sees is built on these verbs once, for all kinds.
 *
 * Rules for every verb:
 * - It rejects with a `ProblemError` and with nothing else; on abort with code `cancelled`.
 * - Aborting `signal`, or failing, undoes what this call made, and nothing that was there before.
 * - It may be called again after a failure.
 * - One verb that hangs, or one stream that breaks, disturbs no other.
 */
export interface Driver {
  readonly kind: Target['kind']
  readonly targetId: string
  /** Present where the target is a namespace of a cluster. */
  readonly cluster?: ClusterVerbs
  /** Present where images can be built for other targets. */
  readonly publisher?: ImagePublisher
  /** Present where what a container has become can be kept as an image. */
  readonly prebuilds?: PrebuildVerbs
  /** Absent where everything that a definition can say of its container can be done. */
  readonly containerFit?: ContainerFit
  /** Present where data volumes can be copied. */
  readonly data?: DataVerbs
  /** Present where the target itself keeps secrets. */
  readonly secrets?: SecretVerbs

  /** Asks the engine who it is. Rejects with a `target-…`, `tls-…` or `ssh-…` Problem that has a remedy. */
  probe(signal: AbortSignal): Promise<TargetFacts>

  /**
   * All of Berth's workspaces on the target, then every change. It runs until `signal` aborts and never rejects:
   * when the engine goes away it says so once (`unreachable`) and tries again with backoff (at most 2 s apart on a
   * local engine, 30 s on a remote one); when it is back it begins again with a `snapshot`.
   */
  watch(signal: AbortSignal): AsyncIterable<WatchEvent>

  /** What the target's machine lacks of what a definition asks for. Absent where {@link ClusterVerbs.room} says that. */
  checkHost?(requirements: HostRequirements, signal: AbortSignal): Promise<HostCheck>

  /**
   * Pulls or builds the image of a definition and looks inside: who its user is, whether it has a shell. The images of
   * its services are got ready as well.
   */
  resolveImage(request: ImageRequest, report: StepReport, signal: AbortSignal): Promise<ResolvedImage>

  /**
   * Makes the workspace's volumes where they are missing, and its instance, not started, marked as incomplete until
   * `commit`. With `replace` there is already an instance: it is stopped but kept until `commit` removes it or
   * `discard` brings it back. Until then every other verb addresses the new one.
   */
  create(
    spec: WorkspaceSpec,
    options: { readonly replace: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void>
  /** Marks the newest instance as complete under its name, and removes the one it replaces. */
  commit(id: string, signal: AbortSignal): Promise<void>
  /**
   * Takes back an uncommitted `create`: removes the new instance, and its volumes too when it replaced nothing.
   * Succeeds when there is nothing to take back.
   */
  discard(id: string, signal: AbortSignal): Promise<void>

  /**
   * Returns once PID 1 runs, and its services do what the definition wants of them. Does nothing when that is so
   * already. Rejects with `service-failed` where one that must be well, or have ended, is not.
   */
  start(id: string, report: StepReport, signal: AbortSignal): Promise<void>
  /**
   * Asks PID 1 to end (SIGTERM, or what the image says), and ends it by force after `grace` milliseconds. With `force`
   * nobody is asked and nothing is waited for, also of a start, a stop or a removal that cannot come to its end: what
   * runs is ended as far as the target reaches, and volumes are left as they are.
   */
  stop(
    id: string,
    options: { readonly grace: number; readonly force?: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void>
  /** Removes every instance and volume of the workspace, running or not. Succeeds when there is none. */
  remove(id: string, report: StepReport, signal: AbortSignal): Promise<void>
  rename(id: string, name: string, signal: AbortSignal): Promise<void>
  /** Keeps notes with the workspace, over stop and rebuild; null takes one away, and one that is left out stays. */
  note(id: string, notes: WorkspaceNotes, signal: AbortSignal): Promise<void>
  /**
   * Makes its volume larger, running or not. `storage` as Kubernetes writes an amount. Resolves with the volume once it
   * has that, or has it without anybody's doing as soon as the workspace starts next. A growth that was asked for goes
   * on when this is aborted. Rejects with `unsupported` where volumes do not grow.
   */
  grow(id: string, storage: string, report: StepReport, signal: AbortSignal): Promise<Volume>

  /** Starts a process in the running workspace. Resolves once the engine has accepted it. */
  exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ExecProcess>

  /**
   * A TCP connection to `localhost:port` inside the running workspace: 127.0.0.1, then ::1. Rejects with
   * `port-refused` when nothing listens, `dial-unsupported` when there is no way in. Backpressure and half-close
   * pass through both ways. The signal covers the connecting only.
   */
  dial(id: string, port: number, signal: AbortSignal, options?: DialOptions): Promise<Duplex>
  /**
   * Up to how many connections at a time another way into the workspace, where there is one, is there sooner than one
   * that is dialled: each of these takes the server and the node some time, as port-forward does. Absent: none.
   */
  costlyDials?(id: string): number

  /** What PID 1 printed, oldest first. */
  logs(id: string, options: LogOptions, signal: AbortSignal): Promise<LogStream>
  stats(id: string, signal: AbortSignal): Promise<{ cpu: number; memory: number; memoryLimit?: number }>

  /** A tar stream of a file or folder; the entry's name is the path's last part. Works stopped too where the target allows. */
  read(id: string, path: string, signal: AbortSignal): Promise<Readable>
  /**
   * Unpacks a tar stream into a folder that exists. Owners and modes are as in the stream. A target may refuse a
   * symbolic link that leads out of the folder by `..`, as Docker does: what may hold such links is written to `/`.
   */
  write(id: string, folder: string, tar: Readable, signal: AbortSignal): Promise<void>

  /** What the target knows of why a workspace is not well. Empty: nothing wrong. */
  diagnose(id: string, signal: AbortSignal): Promise<readonly Problem[]>

  /**
   * Closes connections; every stream of it ends with `connection-lost`. Waits a few seconds at most for destroyed
   * processes to be gone from their workspaces.
   */
  dispose(): Promise<void>
}

/** Finds the targets of one kind and opens drivers to them. */
export interface DriverProvider {
  readonly kind: Target['kind']
  /** Calls back at once, or soon, with what is configured, and again after every change of it. Never throws. */
  watchTargets(listener: (targets: readonly TargetDescription[]) => void): Disposer
  /** Connects lazily: opening never fails and does no I/O. */
  open(target: TargetDescription): Driver
}

export interface TargetDescription {
  readonly id: string
  readonly name: string
  /** For display: holds no credentials. */
  readonly endpoint: string
  readonly isDefault: boolean
  /** What is wrong with its configuration; such a target is shown as unreachable and not opened. */
  readonly problem?: Problem
}

export interface TargetFacts {
  readonly version: string
  readonly apiVersion: string
  /** `linux/amd64`. */
  readonly platform: string
  /** Milliseconds of one round trip. */
  readonly latency: number
  /** As the target calls whom Berth is to it; undefined where it does not tell. */
  readonly identity?: string | undefined
  readonly capabilities: TargetCapabilities
  /** What this identity may not do, where the rest works all the same; undefined where nothing is missing. */
  readonly restriction?: Problem | undefined
  /** The same by what is not offered for it; see {@link Target}. */
  readonly denied?: Target['denied']
}

/** Where a driver tells how a step goes. All methods are cheap and never throw. */
export interface StepReport {
  detail(text: string): void
  progress(progress: Progress): void
  /** Text as the tool printed it; lines may come in pieces. */
  output(text: string): void
}

export type WatchEvent =
  | { readonly type: 'snapshot'; readonly workspaces: readonly ObservedWorkspace[] }
  | { readonly type: 'changed'; readonly workspace: ObservedWorkspace }
  | { readonly type: 'removed'; readonly id: string }
  | { readonly type: 'unreachable'; readonly problem: Problem }

export interface DialOptions {
  /**
   * Whoever connects has spoken already: a driver that can only tell by the answer that a connection is open may send
   * this along.
   */
  readonly words?: FirstWords
  /** A relay that runs in the workspace already, for a driver that can reach its socket. Undefined: none just now. */
  readonly relay?: () => Promise<RelaySocket | undefined>
}

/** A unix socket in a workspace, behind which TCP connections to its ports are carried (agent/PROTOCOL.md, "Relay"). */
export interface RelaySocket {
  readonly path: string
  /** Of the process that listens, as the workspace numbers it. */
  readonly pid: number
  /** What is said to it first, and what it says then: who does not is another one. */
  readonly key: string
  readonly proof: string
}

/** What a client said before there was a connection for it. */
export interface FirstWords {
  /** All of it up to now; empty where it has said nothing. */
  said(): Buffer
  /** The connection that is handed over next was sent this, so that only what comes behind it is left to send. */
  sent(words: Buffer): void
}

/** What a target keeps of a workspace beside what it is made of. */
export interface WorkspaceNotes {
  readonly idle?: StoredIdlePolicy | null
  readonly lastStop?: LastStop | null
}

/** A workspace as the target itself tells it. */
export interface ObservedWorkspace {
  readonly id: string
  readonly name: string
  readonly owner: string
  readonly source: Source
  readonly definition: Definition
  readonly image: string
  readonly user: WorkspaceUser
  readonly createdAt: number
  readonly startedAt?: number
  /** Changes with every start and every replacement. Present while running. */
  readonly incarnation?: string
  readonly instance?: string
  /** What it was made with; of a cluster only. */
  readonly kubernetes?: KubernetesOptions
  readonly volume?: Volume
  /** In the definition's order; absent where it has none. */
  readonly services?: readonly ServiceStatus[]
  readonly idle?: StoredIdlePolicy
  readonly lastStop?: LastStop
  /** What its instance was made from. */
  readonly prebuild?: PrebuildMark
  /** When it last ended, where the target knows; milliseconds since the epoch. Absent while it runs. */
  readonly stoppedAt?: number
  /** It was ended from inside, and its target still keeps a place for it, until it is stopped. */
  readonly parked?: true
  /** `missing`: volumes without an instance. */
  readonly run: 'starting' | 'running' | 'stopping' | 'stopped' | 'failed' | 'missing'
  readonly reason: string
  /** False while its first creation is not committed. */
  readonly complete: boolean
  /** An uncommitted replacement exists beside the committed instance. */
  readonly replacing: boolean
  readonly problem?: Problem
}

export interface ImageRequest {
  readonly definition: Definition
  /** The repository's root on this machine; present when the definition has a build. */
  readonly folder?: string
  /** Roots of the repositories that builds name instead, on this machine, by {@link buildRepositoryKey}. */
  readonly repositories?: Readonly<Record<string, string>>
  /** The reference of the definition's build, which was made elsewhere: for targets that build none. */
  readonly published?: string
  /** The same for services that are built, by their names. */
  readonly publishedServices?: Readonly<Record<string, string>>
  /** Tags a built image, so that it can be found and removed with the workspace. */
  readonly workspaceId: string
  /** Ask the registry for a newer image although there is one. */
  readonly refresh: boolean
  /** Build although there is an image that was built of the same. */
  readonly anew?: boolean
  /** What a build may have of this machine; absent: what the definition's own files say, and nothing else. */
  readonly grants?: HeldGrants | undefined
  /** As in the {@link WorkspaceSpec} that will be made of it; other kinds of targets leave it alone. */
  readonly kubernetes?: KubernetesOptions
}

export interface ResolvedImage {
  /** What `create` uses. */
  readonly reference: string
  /** Content digest. */
  readonly id: string
  /** The user that terminals and commands run as: remoteUser, else containerUser, else the image's. */
  readonly user: WorkspaceUser
  /** Numbers of the user's other groups, where whoever makes the container has to be told. */
  readonly groups?: readonly number[]
  /** Whom the image itself runs as; empty: root. */
  readonly imageUser: string
  /** Its label `devcontainer.metadata`, where the target can read labels and it has this one. */
  readonly metadata?: string
  /** The image's own environment, for `${containerEnv:…}`. */
  readonly env: Readonly<Record<string, string>>
  readonly hasShell: boolean
  /** What it runs itself; absent where the target cannot tell. */
  readonly runs?: { readonly entrypoint: readonly string[]; readonly command: readonly string[] }
  /** Built by this call and of no use to anyone if the workspace is not made. */
  readonly built: boolean
  /** What `create` uses for each of the definition's services, by its name. */
  readonly services: Readonly<Record<string, string>>
  /** Whether the image of a service has a shell, where the target needs to know. */
  readonly shells?: Readonly<Record<string, boolean>>
  /** Services' users by their numbers, as `uid:gid`, where the definition has them by name and that has to be known. */
  readonly serviceUsers?: Readonly<Record<string, string>>
  /** Got by another name than was asked for: that name, and why, to be shown. */
  readonly alias?: string
  /** Nothing had to be built: what was taken instead, to be shown. */
  readonly reused?: string
}

export interface WorkspaceSpec {
  readonly id: string
  readonly name: string
  readonly owner: string
  readonly source: Source
  /** Stored as it is. Variables that it keeps as written are filled in where they are used, and nowhere stored. */
  readonly definition: Definition
  readonly image: ResolvedImage
  /**
   * Where the source's root folder is inside the workspace: `/workspaces/<x>`, or any other absolute path that the
   * definition asks for. The source volume is mounted at `/workspaces` in the first case, and at this path itself in
   * the second. Absent: the definition's workspaceFolder.
   */
  readonly sourceFolder?: string
  /** A folder of this machine mounted at `sourceFolder`, instead of the source volume. */
  readonly bindFolder?: string
  readonly createdAt: number
  /** Its image is a prebuild: what is in it where source and home belong is what new volumes begin with. */
  readonly prebuild?: PrebuildMark
  /**
   * For a cluster only, and field by field before the settings. Absent in a replacement: as what it replaces, which
   * the target remembers.
   */
  readonly kubernetes?: KubernetesOptions
  /** A team's, on all that is made; not for a cluster, where they are among `kubernetes`. */
  readonly labels?: Readonly<Record<string, string>>
  /** What the workspace's own container never gets more of, in cores and bytes; not for a cluster. */
  readonly limits?: { readonly cpu?: number; readonly memory?: number }
}

export interface ExecOptions {
  readonly command: readonly string[]
  /**
   * In the container of this service, which has its own environment, folders and users. Absent: in the workspace's own.
   * Rejects with `not-found` where there is none of this name, and with `service-not-running` where it does not run.
   */
  readonly service?: string
  /** Present: a pseudo terminal of this size, and no separate stderr. */
  readonly tty?: { readonly columns: number; readonly rows: number }
  /** Name or uid; absent: as PID 1 of the container. */
  readonly user?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface ExecExit {
  /** Null when the connection was lost before the exit status was known. 128+n after signal n, as shells have it. */
  readonly code: number | null
  /** Why there is no code. */
  readonly problem?: Problem
}

/**
 * A process in a workspace. The streams carry exact bytes, with backpressure both ways: what is not read costs at
 * most a few MB. Errors of the connection end `stdout` and `stderr` and show in `exit`; no stream emits `error`
 * without a listener of the driver's own, so an owner that forgets one does not crash.
 */
export interface ExecProcess {
  /** `end()` is the process's end of file and leaves its output flowing. */
  readonly stdin: Writable
  readonly stdout: Readable
  /** Null with a tty. */
  readonly stderr: Readable | null
  /** The terminal gets this size soon; what is typed after it may come before it. */
  resize(columns: number, rows: number): Promise<void>
  /** Sends a signal such as `SIGTERM` to the process and its descendants. */
  kill(signal: string): Promise<void>
  /** Never rejects. Resolves after stdout and stderr have ended or been destroyed. */
  readonly exit: Promise<ExecExit>
  /** Gives up the connection and ends what still runs of the process. */
  destroy(): void
}

export interface LogOptions {
  readonly follow: boolean
  /** Of this service; absent: of PID 1. */
  readonly service?: string
  /** The newest lines only; absent: all. */
  readonly tail?: number
}

export interface LogStream {
  readonly stdout: Readable
  readonly stderr: Readable
  /** Never rejects; a problem says that more might have come. */
  readonly end: Promise<{ readonly problem?: Problem }>
  destroy(): void
}
