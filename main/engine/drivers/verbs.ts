import type { Readable } from 'node:stream'
import type {
  BuildGrants,
  ClusterObject,
  ContainerOptions,
  DataSnapshot,
  Definition,
  HostRequirements,
  KubernetesOptions,
  Mount,
  NotApplied,
  PrebuildRecord,
  Problem,
  Right,
  Room,
  Service,
} from '#contract'
import type { StepReport, WorkspaceSpec } from './driver'

/** What of a definition's {@link ContainerOptions} a kind of target cannot do. Pure. */
export interface ContainerFit {
  /** Why a right cannot be given here, whether or not it is allowed; undefined where it can. */
  right(right: Right): string | undefined
  /** What is not applied of the rest. */
  options(options: ContainerOptions): readonly NotApplied[]
  /** The same of a service, by its fields' names. */
  service(service: Service): readonly NotApplied[]
  /** The same of the volumes of a workspace and of its services. Absent: nothing. */
  volumes?(mounts: readonly Mount[]): readonly NotApplied[]
}

/**
 * Copies of the volumes that hold a workspace's data. The rules are those of {@link Driver}. What uses a volume is
 * stopped, or paused, while the volume is copied or replaced, and goes on afterwards as it was, however that ends; where
 * Berth is killed meanwhile, the next one that sees the target, or the workspace's next start, mends that.
 */
export interface DataVerbs {
  /** Whether a snapshot can be restored into every workspace of the target, and outlives its own. */
  readonly sharesSnapshots: boolean
  /** Whether a workspace that runs is stopped and started as a whole for each copy: what runs in it ends then. */
  readonly restsWhole: boolean
  /** All complete ones on the target, also those of workspaces that are gone. */
  snapshots(signal: AbortSignal): Promise<readonly DataSnapshot[]>
  snapshot(id: string, snapshot: NewSnapshot, report: StepReport, signal: AbortSignal): Promise<DataSnapshot>
  /**
   * Makes these volumes of a workspace what they are in a snapshot. What they hold is kept until the copy is whole;
   * failing, or aborted before, it stays. The workspace may be uncommitted, and never have run.
   */
  restore(
    id: string,
    from: { readonly workspaceId: string; readonly snapshotId: string },
    volumes: readonly string[],
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void>
  /** Bytes that data volumes take now, by their names; those that are not known are left out. */
  sizes?(id: string, volumes: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>
  /** Succeeds when there is none. */
  removeSnapshot(workspaceId: string, snapshotId: string, signal: AbortSignal): Promise<void>
  /** A tar stream of one volume in a snapshot, for `import` of any target. */
  export(workspaceId: string, snapshotId: string, volume: string, signal: AbortSignal): Promise<Readable>
  /** Makes a snapshot of what another target exports; `open` is called for one volume after the other. */
  import(
    id: string,
    snapshot: NewSnapshot,
    open: (volume: string) => Promise<Readable>,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<DataSnapshot>
  /**
   * Ids of workspaces that a Berth stopped for a copy and will not start again, as it was killed. `start` puts their
   * data right before anything uses it. Absent: the driver does all that by itself.
   */
  leftStopped?(signal: AbortSignal): Promise<readonly string[]>
}

/** A snapshot before it has been taken. */
export interface NewSnapshot extends Omit<DataSnapshot, 'workspaceId' | 'volumes'> {
  readonly volumes: readonly { readonly name: string; readonly image?: string | undefined }[]
}

/**
 * Images that a pod of the cluster builds and pushes at once. The rules are those of {@link Driver}; nothing of a build
 * is kept in the cluster.
 */
export interface ClusterBuilder {
  /** As {@link ImagePublisher}'s, asked of the cluster: whether it gets the image that it would pull. */
  find(request: PublishRequest, report: StepReport, signal: AbortSignal): Promise<PublishedImage>
  /** Builds it and pushes it under the name that `find` gave. */
  build(request: PublishRequest, reference: string, report: StepReport, signal: AbortSignal): Promise<void>
}

/** What only a cluster can be asked for. The rules are those of {@link Driver}. */
export interface ClusterVerbs {
  /** What room there is, and whether a workspace with these options, over those of the settings, fits. */
  room(
    wanted: KubernetesOptions | undefined,
    signal: AbortSignal,
    /** Of the definition: fills in what nobody has chosen. */
    requirements?: HostRequirements,
  ): Promise<Room>
  /** `all` is absent where this identity may not list them. */
  namespaces(signal: AbortSignal): Promise<{ readonly all?: readonly string[]; readonly mayCreate: boolean }>
  /** Succeeds where there is one of this name already. */
  makeNamespace(name: string, signal: AbortSignal): Promise<void>
  /**
   * The `spec` of a DevWorkspaceTemplate (workspace.devfile.io/v1alpha2) as JSON, of the target's own namespace where
   * none is named. `no-kind`: the cluster does not know such objects.
   */
  devfileTemplate?(
    wanted: { readonly name: string; readonly namespace?: string },
    signal: AbortSignal,
  ): Promise<
    { readonly namespace: string } & (
      | { readonly kind: 'found'; readonly text: string }
      | { readonly kind: 'missing' | 'no-kind' | 'forbidden' }
    )
  >
  /**
   * Makes objects beside a workspace, running or not, or makes those that are there what they are to be; one that has
   * run to its end begins anew. What was made stays after a failure. Rejects with `create-failed` where the cluster
   * knows no such objects or somebody else has one of the name, `target-forbidden` where this identity may not.
   */
  putObjects?(
    id: string,
    objects: readonly ClusterObject[],
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void>
  readonly builder?: ClusterBuilder
  /** The text of a team's policy in the namespace. `forbidden`: this identity may not look for one. */
  policy?(
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'none' | 'forbidden' } | { readonly kind: 'found'; readonly text: string }>
}

/**
 * Secrets of a workspace, kept by its target over stop and rebuild, and removed with it. Names are of letters, digits,
 * `_` and `.`. The rules are those of {@link Driver}.
 */
export interface SecretVerbs {
  /** Empty where there are none. */
  read(id: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>>
  /** In place of all that there were. */
  write(id: string, values: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>
}

/**
 * Images for targets that build none: built here, and pushed to a registry that the others pull from. The driver's
 * `remove` takes what is kept of a workspace's builds, also of one that lives elsewhere.
 */
export interface ImagePublisher {
  /**
   * The name that the image of a definition's build has in a repository, which is made of all that goes into it, and
   * whether the registry has it. Rejects with `registry-auth` or `registry-unreachable` where a push could not succeed.
   */
  find(request: PublishRequest, report: StepReport, signal: AbortSignal): Promise<PublishedImage>
  /**
   * Whether the registry has an image of this name. Rejects as `find` does. Absent where nobody can ask before there is
   * something to push.
   */
  check?(reference: string, report: StepReport, signal: AbortSignal): Promise<boolean>
  /** Builds it and returns its name on this engine, where it is kept for what the next build has in common with it. */
  build(request: PublishRequest, report: StepReport, signal: AbortSignal): Promise<string>
  /**
   * Pushes what was built under the name that `find` gave, and lets go of earlier builds of the workspace. Failing, or
   * aborted, it takes the image away again; a registry shows no part of it.
   */
  push(
    request: PublishRequest,
    built: string,
    reference: string,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void>
}

/**
 * Images that hold what a new workspace has after its once-only commands, its source and its home among that. The rules
 * are those of {@link Driver}. What makes one has an id of the form of a workspace's, by which `exec`, `read` and `write`
 * address its container, and `discard` takes all of it away.
 */
export interface PrebuildVerbs {
  list(signal: AbortSignal): Promise<readonly PrebuildImage[]>
  /** The content id that an image's name leads to here; undefined where there is none. */
  imageId(reference: string, signal: AbortSignal): Promise<string | undefined>
  /**
   * Makes a container without volumes, in which everything that is written becomes part of the prebuild, and starts it.
   * Nothing of the definition's environment is in it. Rejects with `definition-unsupported` where the image itself
   * declares volumes that would keep source or home out.
   */
  open(spec: PrebuildSpec, report: StepReport, signal: AbortSignal): Promise<void>
  /**
   * Ends the container's processes and keeps it as an image that has users, environment and commands of the image it
   * was made from. It takes the place of the one with the record's id. `elsewhere`: it is none of this engine's own, and
   * has a name to push it by, which goes with `remove` of what made it.
   */
  keep(
    id: string,
    record: PrebuildRecord,
    report: StepReport,
    signal: AbortSignal,
    options?: { readonly elsewhere: boolean },
  ): Promise<PrebuildImage>
  /** Workspaces that were made from it go on. Resolves with whether there was one. */
  remove(prebuildId: string, signal: AbortSignal): Promise<boolean>
}

export interface PrebuildSpec extends Pick<WorkspaceSpec, 'definition' | 'image'> {
  readonly id: string
  /** As in a {@link WorkspaceSpec}. */
  readonly sourceFolder: string
}

export interface PrebuildImage {
  readonly reference: string
  /** Content id: the name may lead to another one in a moment. */
  readonly imageId: string
  /** It is in a registry: the id is a name with a digest, by which targets pull it. */
  readonly isPulled?: true
  readonly record: PrebuildRecord
  /** Bytes, with what it shares with other images. */
  readonly size: number
}

/** What a machine lacks. */
export interface HostCheck {
  /** Sentences without a full stop, on what can be lived with. */
  readonly shortages: readonly string[]
  /** What cannot. */
  readonly problem?: Problem
}

/** What the user lets a build have, with the values that were handed over for it, by the ids of their secrets. */
export interface HeldGrants extends BuildGrants {
  readonly values?: ReadonlyMap<string, string>
}

export interface PublishRequest {
  readonly definition: Definition
  /** The repository's root on this machine. */
  readonly folder: string
  /** As in an {@link ImageRequest}. */
  readonly repositories?: Readonly<Record<string, string>>
  readonly workspaceId: string
  /** `[host[:port]/]path` of a registry. */
  readonly repository: string
  /** As in an {@link ImageRequest}. */
  readonly grants?: HeldGrants | undefined
  /** Of the workspace, where a cluster builds. */
  readonly kubernetes?: KubernetesOptions | undefined
}

export interface PublishedImage {
  /** Repository and tag. */
  readonly reference: string
  readonly present: boolean
}
