import { z } from 'zod'
import { DataSource, SnapshotId, WorkspaceId } from './workspace'

/** What a person calls a snapshot. */
export const SnapshotName = z
  .string()
  .trim()
  .min(1)
  .max(80)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would do things to terminals.
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'Use no control characters.')
export type SnapshotName = z.infer<typeof SnapshotName>

/** The name that a definition calls a volume by. */
export const DataVolumeName = z.string().min(1).max(200)

/** A volume of a workspace's own that holds data: neither its source nor its home. */
export const DataVolume = z.strictObject({
  name: DataVolumeName,
  /** The services that see it, in the definition's order. */
  services: z.array(z.string()),
  /** Whether the workspace's own container sees it. */
  ofWorkspace: z.boolean(),
  /** The image of the first service that sees it: whose data it is. */
  image: z.string().optional(),
})
export type DataVolume = z.infer<typeof DataVolume>

/** What of a volume is in a snapshot. */
export const SnapshotVolume = z.strictObject({
  name: DataVolumeName,
  /** What it takes on the disk. */
  bytes: z.number().nonnegative(),
  /** As in {@link DataVolume}, at that time. */
  image: z.string().optional(),
})
export type SnapshotVolume = z.infer<typeof SnapshotVolume>

/** A copy of data volumes of one workspace at one moment, kept on its target. */
export const DataSnapshot = z.strictObject({
  id: SnapshotId,
  /** The workspace that it was taken of, which may be gone. */
  workspaceId: WorkspaceId,
  workspaceName: z.string(),
  name: z.string(),
  /** Milliseconds since the epoch. */
  createdAt: z.number(),
  volumes: z.array(SnapshotVolume),
  /** Of the source at that time; absent where that is not known. */
  commit: z.string().optional(),
  branch: z.string().optional(),
})
export type DataSnapshot = z.infer<typeof DataSnapshot>

/** What a workspace has of data. */
export const WorkspaceData = z.strictObject({
  volumes: z.array(DataVolume),
  /** The newest first. */
  snapshots: z.array(DataSnapshot),
})
export type WorkspaceData = z.infer<typeof WorkspaceData>

/** A snapshot wherever it is. */
export const PlacedSnapshot = z.strictObject({
  targetId: z.string(),
  snapshot: DataSnapshot,
  /** Its workspace is gone. */
  orphan: z.boolean(),
})
export type PlacedSnapshot = z.infer<typeof PlacedSnapshot>

/** What putting data into a workspace does, told before it is done. */
export const DataPlan = z.strictObject({
  /** Volumes whose content is replaced. */
  replaced: z.array(DataVolumeName),
  /** Volumes of the workspace that the source does not have: they stay as they are. */
  left: z.array(DataVolumeName),
  /** Volumes of the source that the workspace does not have. */
  unused: z.array(DataVolumeName),
  /** What is stopped meanwhile, where it runs, in words. */
  stops: z.array(z.string()),
  /** What may go wrong with it, each in a sentence. */
  warnings: z.array(z.string()),
})
export type DataPlan = z.infer<typeof DataPlan>

/** What may be asked about data. Merged into the requests by `requests.ts`. */
const OneWorkspace = z.strictObject({ workspaceId: WorkspaceId })
const Started = z.strictObject({ operationId: z.string(), workspaceId: WorkspaceId })
const Into = z.strictObject({
  workspaceId: WorkspaceId,
  from: DataSource,
})

export const dataRequests = {
  /** Rejects with `unsupported` where the target cannot do it. */
  'data.list': { input: OneWorkspace, output: WorkspaceData },
  /** All snapshots of one target, else of all that answer. */
  'data.snapshots': {
    input: z.strictObject({ targetId: z.string().optional() }),
    output: z.array(PlacedSnapshot),
  },
  /** How many bytes its data volumes take now, by their names, as far as the target can tell. May take a while. */
  'data.sizes': { input: OneWorkspace, output: z.record(z.string(), z.number().nonnegative()) },
  /** Takes one; `volumes` absent: of all data volumes. */
  'data.snapshot': {
    input: OneWorkspace.extend({
      name: SnapshotName.optional(),
      volumes: z.array(DataVolumeName).min(1).max(100).optional(),
    }),
    output: Started.extend({ snapshotId: SnapshotId }),
  },
  /** What `data.restore` would do. */
  'data.plan': { input: Into, output: DataPlan },
  /**
   * Puts the data of a snapshot, or of another workspace, in place of what the volumes with the same names hold. What
   * they hold is kept until all is there, and is lost then, unless `snapshotFirst`.
   */
  'data.restore': { input: Into.extend({ snapshotFirst: z.boolean().optional() }), output: Started },
  'data.remove': {
    input: z.strictObject({ targetId: z.string(), workspaceId: WorkspaceId, snapshotId: SnapshotId }),
    output: z.strictObject({}),
  },
} as const
