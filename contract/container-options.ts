import { z } from 'zod'
import { maximumWrittenFiles, WrittenFile } from './written-file'

/** Kinds of what gives power over the machine that runs a container, or takes a wall between the two away. */
export const RightKind = z.enum([
  'privileged',
  'capability',
  'securityOption',
  'device',
  'deviceRule',
  'namespace',
  'sysctl',
  'folder',
  'clusterObject',
])
export type RightKind = z.infer<typeof RightKind>

/**
 * One thing that gives a workspace power over the machine that runs it. It is applied only where the user allowed
 * exactly this for exactly this workspace.
 */
export const Right = z.strictObject({
  kind: RightKind,
  /**
   * Of `privileged` empty; of a capability its name without `CAP_`; of a security option `seccomp=unconfined`; of a
   * device `<path on the machine>:<path inside>:<some of rwm>`; of a rule for devices as Docker writes it; of a
   * namespace of the machine `network`, `pid`, `ipc`, `uts`, `userns` or `cgroup`; of a kernel setting `name=value`; of a
   * folder or file of the machine its path, with `:ro` behind it where it is only read; of an object of the cluster
   * its kind and name, and in brackets its API and the digest of its manifest.
   */
  value: z.string().max(500),
  /** Who asks for it where that is not the definition's own file: a Feature's reference or an image's name. */
  origin: z.string().max(500).optional(),
  /** The service that asks for it, by its name; absent: the workspace's own container. */
  service: z.string().max(50).optional(),
})
export type Right = z.infer<typeof Right>

/** Of one definition, together. */
export const maximumRights = 200

/** A limit of processes (setrlimit(2)); -1 is none. */
export const Ulimit = z.strictObject({
  name: z.string(),
  soft: z.number().int().min(-1),
  hard: z.number().int().min(-1),
})
export type Ulimit = z.infer<typeof Ulimit>

/**
 * How the container of a workspace is made, beyond image, mounts, user and variables. All but `rights` is harmless for
 * the machine and is applied wherever a target can; sizes are in bytes.
 */
export const ContainerOptions = z.strictObject({
  hostname: z.string().optional(),
  /** Of the container, for other tools; none that begins as Berth's own do. */
  labels: z.record(z.string(), z.string()).optional(),
  /** Names that lead to an address, or to the machine itself by `host-gateway`. */
  extraHosts: z.array(z.strictObject({ name: z.string(), address: z.string() })).optional(),
  dns: z.array(z.string()).optional(),
  dnsSearch: z.array(z.string()).optional(),
  dnsOptions: z.array(z.string()).optional(),
  /** Of `/dev/shm`. */
  shmSize: z.number().int().positive().optional(),
  ulimits: z.array(Ulimit).optional(),
  /** Further groups of every process, by name or number. */
  groups: z.array(z.string()).optional(),
  memory: z.number().int().positive().optional(),
  /** Memory and swap together; -1: no limit. */
  memorySwap: z.number().int().min(-1).optional(),
  cpus: z.number().positive().optional(),
  /** Kernel capabilities that are taken away, without `CAP_`, or `ALL`. */
  capabilitiesDropped: z.array(z.string()).optional(),
  /** Nothing in it can become more than it is, not by sudo either. */
  noNewPrivileges: z.literal(true).optional(),
  /** Written into it when it is made. */
  files: z.array(WrittenFile).max(maximumWrittenFiles).optional(),
  /** What is asked for. */
  rights: z.array(Right).max(maximumRights).default([]),
  /** What the user allowed for this workspace; never read from a file. What is in both is applied. */
  allowed: z.array(Right).optional(),
})
export type ContainerOptions = z.infer<typeof ContainerOptions>
