import { z } from 'zod'
import { Problem } from './problem'

/** What a ResourceQuota allows of one resource, and how much of that is in use; amounts as Kubernetes writes them. */
export const Allowance = z.strictObject({
  /** The quota's name. */
  quota: z.string(),
  /** As the quota calls it: `requests.cpu`, `pods`, `requests.storage`. {@link resourceLabel} says it for people. */
  resource: z.string(),
  limit: z.string(),
  used: z.string(),
  left: z.string(),
  /** How much of it is in use, 0 to 1. */
  share: z.number(),
})
export type Allowance = z.infer<typeof Allowance>

/** What a LimitRange says of one resource. */
export const Bounds = z.strictObject({
  of: z.enum(['container', 'pod', 'volume']),
  /** `cpu`, `memory`, `storage`. */
  resource: z.string(),
  min: z.string().optional(),
  max: z.string().optional(),
  /** What a container is asked for, and limited to, where it leaves that open. */
  defaultRequest: z.string().optional(),
  defaultLimit: z.string().optional(),
  /** How many times its request a limit may be. */
  ratio: z.string().optional(),
})
export type Bounds = z.infer<typeof Bounds>

export const StorageClass = z.strictObject({
  name: z.string(),
  isDefault: z.boolean(),
  /** Its volumes can grow. */
  grows: z.boolean(),
})
export type StorageClass = z.infer<typeof StorageClass>

/** What room a namespace of a cluster has for a workspace. */
export const Room = z.strictObject({
  /** Empty: no quota is set. */
  allowances: z.array(Allowance),
  bounds: z.array(Bounds),
  /** Absent where this identity may not list them: they are of the whole cluster. */
  storageClasses: z.array(StorageClass).optional(),
  /** What this identity may not ask, as `list resourcequotas`. */
  unknown: z.array(z.string()),
  /** Why a workspace with the options that were given could not be made. */
  problem: Problem.optional(),
})
export type Room = z.infer<typeof Room>

/** Which namespaces a context's targets may be in. */
export const Namespaces = z.strictObject({
  context: z.string(),
  /** Those that have a target now. */
  chosen: z.array(z.string()),
  /** All that the cluster has. Absent where this identity may not list them. */
  all: z.array(z.string()).optional(),
  mayCreate: z.boolean(),
})
export type Namespaces = z.infer<typeof Namespaces>
