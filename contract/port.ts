import { z } from 'zod'
import { OnAutoForward } from './definition'
import { Problem } from './problem'

export const PortNumber = z.number().int().min(1).max(65535)

/** A row of the workspace's own listening table. */
export const Listener = z.strictObject({
  port: PortNumber,
  /** As the socket is bound: `127.0.0.1`, `0.0.0.0`, `::1`, `::`. */
  address: z.string(),
  process: z
    .strictObject({
      pid: z.number().int(),
      name: z.string(),
      command: z.string(),
      user: z.string().optional(),
    })
    .optional(),
})
export type Listener = z.infer<typeof Listener>

/** A local address that reaches a port. */
export const Forward = z.strictObject({
  /** Always a loopback address. */
  localAddress: z.string(),
  localPort: PortNumber,
  /** The router's URL; absent for a port that does not speak HTTP. */
  url: z.string().optional(),
  /** Connections open through it now. */
  connections: z.number().int(),
})
export type Forward = z.infer<typeof Forward>

/** A running workspace whose listening table cannot be read, and why: nothing in it shows up by itself. */
export const Detection = z.strictObject({
  /** The workspace's. */
  id: z.string(),
  problem: Problem,
})
export type Detection = z.infer<typeof Detection>

/** Something listening in a workspace, or something that is to be forwarded when it does. */
export const Port = z.strictObject({
  /** `<workspaceId>:<port>`. */
  id: z.string(),
  workspaceId: z.string(),
  port: PortNumber,
  origin: z.enum(['detected', 'definition', 'manual']),
  /** Empty while nothing listens. */
  listeners: z.array(Listener),
  label: z.string().optional(),
  protocol: z.enum(['http', 'https', 'tcp']),
  onAutoForward: OnAutoForward,
  /**
   * `live`: something listens and is reachable. `reconnecting`: the way to the workspace is being made again;
   * new connections are held. `not-listening`: the workspace is reachable, nothing listens. `failed`: see `problem`.
   */
  state: z.enum(['live', 'reconnecting', 'not-listening', 'failed']),
  forward: Forward.optional(),
  problem: Problem.optional(),
  /** When it was first seen, milliseconds since the epoch. */
  seenAt: z.number(),
})
export type Port = z.infer<typeof Port>
