import { z } from 'zod'
import { OnAutoForward } from './definition'
import { Problem } from './problem'

export const PortNumber = z.number().int().min(1).max(65535)

const ListenerProcess = z.strictObject({
  pid: z.number().int(),
  name: z.string(),
  command: z.string(),
  user: z.string().optional(),
})

/** A row of the workspace's own listening table. */
export const Listener = z.strictObject({
  port: PortNumber,
  /** As the socket is bound: `127.0.0.1`, `0.0.0.0`, `::1`, `::`. */
  address: z.string(),
  process: ListenerProcess.optional(),
})
export type Listener = z.infer<typeof Listener>

/** What listens and is not forwarded, as a forward carries TCP connections alone. */
export const OtherListener = z.strictObject({
  kind: z.enum(['udp', 'unix']),
  /** `127.0.0.1:5353`, `[::]:5353`, or the path of a unix socket. */
  address: z.string(),
  process: ListenerProcess.optional(),
})
export type OtherListener = z.infer<typeof OtherListener>

/** All that listens in a workspace beside its ports; only of workspaces in which there is some. */
export const Sockets = z.strictObject({
  /** The workspace's. */
  id: z.string(),
  listeners: z.array(OtherListener),
  /** How many more there are than are told. */
  more: z.number().int(),
})
export type Sockets = z.infer<typeof Sockets>

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
  /**
   * Why it may be nothing that anybody wants to open. `random`: the system has given the number, as it does to helpers
   * such as language servers, and no terminal shows it. `no-process`: no process of the workspace was found to have it,
   * as with what else shares its network.
   */
  doubt: z.enum(['random', 'no-process']).optional(),
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
