import { z } from 'zod'
import { Problem } from './problem'

/** What a target's engine can do for Berth; what is false is left out of the interface, with the reason at hand. */
export const TargetCapabilities = z.strictObject({
  /** A folder of this machine can be mounted into a workspace. */
  bindMounts: z.boolean(),
  /** Images can be built on it. */
  build: z.boolean(),
  /** What a workspace has outside its source and home outlives a stop. */
  keepsContainerFiles: z.boolean(),
  /** What is ended by force has ended: false where its machine may be out of reach and the processes go on there. */
  endsForSure: z.boolean(),
  /** Prebuilds can be made for it and kept. Absent: that is known when one is asked for. */
  prebuilds: z.boolean().optional(),
  /** Snapshots of data can be kept on it when their workspace is deleted. */
  keepsSnapshots: z.boolean().optional(),
})
export type TargetCapabilities = z.infer<typeof TargetCapabilities>

/** What a person does on a target. `terminals` stands for commands and files as well. */
export const targetActions = [
  'create',
  'start',
  'stop',
  'rebuild',
  'rename',
  'grow',
  'delete',
  'terminals',
  'ports',
  'logs',
] as const
export type TargetAction = (typeof targetActions)[number]

/** A place where workspaces live: a Docker context, or a Kubernetes context with a namespace. */
export const Target = z.strictObject({
  /** `docker:<context>` or `kubernetes:<context>/<namespace>`. */
  id: z.string(),
  kind: z.enum(['docker', 'kubernetes']),
  /** The context's name. */
  name: z.string(),
  /** Where it is, without credentials: `unix:///var/run/docker.sock`, `ssh://user@host`. */
  endpoint: z.string(),
  /** The one that `docker` or `kubectl` itself would use. */
  isDefault: z.boolean(),
  state: z.enum(['connecting', 'ready', 'unreachable']),
  /** Why it is unreachable. */
  problem: Problem.optional(),
  /** The engine's version, once known. */
  version: z.string().optional(),
  /** The API version agreed on, once known. */
  apiVersion: z.string().optional(),
  /** `linux/amd64` and the like. */
  platform: z.string().optional(),
  /** Round trip of the last probe, milliseconds. */
  latency: z.number().optional(),
  /** As the target calls whom Berth is to it, where it tells. */
  identity: z.string().optional(),
  capabilities: TargetCapabilities.optional(),
  /** What this identity may not do on it, where the rest works all the same. */
  restriction: Problem.optional(),
  /** What of it is not offered, with the rights that are missing: `create pods/exec`. */
  denied: z.array(z.strictObject({ action: z.enum(targetActions), rights: z.array(z.string()) })).optional(),
})
export type Target = z.infer<typeof Target>
