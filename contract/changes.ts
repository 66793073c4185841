import { z } from 'zod'
import { Consent, Grant } from './consent'
import { Activity } from './idle'
import { Operation, OperationOutput } from './operation'
import { PolicyRecord } from './policy'
import { Detection, Port, Sockets } from './port'
import { Session, TabArrangement } from './session'
import { Settings } from './settings'
import { Target } from './target'
import { Transfer } from './transfer'
import { Workspace } from './workspace'

/**
 * The engine's state as its clients see it: a few collections of records by id. A client gets one snapshot of
 * each, then changes; `version` counts up by one per change, so that a lost one is noticed.
 */
export const collections = {
  targets: Target,
  workspaces: Workspace,
  operations: Operation,
  sessions: Session,
  /** Of workspaces whose terminals the user has arranged. */
  arrangements: TabArrangement,
  ports: Port,
  /** Only of workspaces in which ports cannot be detected. */
  detections: Detection,
  sockets: Sockets,
  transfers: Transfer,
  /** Questions that wait for the user. */
  consents: Consent,
  /** What workspaces are given without a question. */
  grants: Grant,
  /** Of workspaces that run and are followed. */
  activities: Activity,
  /** Of the team, and places where one is expected. */
  policies: PolicyRecord,
  /** One record, `settings`. */
  settings: z.strictObject({ id: z.literal('settings'), value: Settings }),
  /** One record, `engine`. */
  engine: z.strictObject({
    id: z.literal('engine'),
    version: z.string(),
    /** The port that the URL router got, once it listens. */
    routerPort: z.number().int().optional(),
  }),
} as const

export type Collections = typeof collections
export type CollectionName = keyof Collections
export type CollectionRecord<N extends CollectionName> = z.output<Collections[N]>

export interface CollectionChange<N extends CollectionName = CollectionName> {
  readonly collection: N
  readonly version: number
  /** Present in the first message only: everything there is. Then `upserts` and `removes` are empty. */
  readonly snapshot?: readonly CollectionRecord<N>[]
  readonly upserts: readonly CollectionRecord<N>[]
  readonly removes: readonly string[]
  /**
   * The same change goes on in the next message of this collection, and holds when all of it is there: a window stands
   * still while it reads one message of thousands. What continues a snapshot is in `upserts`.
   */
  readonly more?: true
}

/** Things that happen once and are not state. */
export const events = {
  /** A step printed something. */
  'operation.output': OperationOutput.extend({ operationId: z.string() }),
  /** A workspace will be stopped by itself soon, if nothing happens in it. */
  'workspace.idle': z.strictObject({
    workspaceId: z.string(),
    name: z.string(),
    /** As in {@link Activity}. */
    reason: z.string(),
    minutesLeft: z.number().int(),
  }),
  /** A port was seen for the first time and its definition asks for more than a silent forward. */
  'port.opened': z.strictObject({
    workspaceId: z.string(),
    port: z.number().int(),
    url: z.string().optional(),
    onAutoForward: z.enum(['notify', 'openBrowser', 'openBrowserOnce', 'openPreview']),
  }),
} as const
export type EventName = keyof typeof events
export type EventPayload<N extends EventName> = z.output<(typeof events)[N]>
