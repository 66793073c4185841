import { DataSnapshot } from '#contract'
import type { NewSnapshot } from '../../driver'
import { MANAGED_BY } from '../../shared/description'
import type { VolumeSummary } from '../api'
import { labels } from '../container/anatomy'
import { thisMaker } from '../container/maker'

/**
 * Labels of snapshots and of the containers that copy them. None is a workspace's label: a snapshot may outlive its
 * workspace.
 */
export const dataLabels = {
  snapshot: 'berth.dev/snapshot',
  snapshotOf: 'berth.dev/snapshot-of',
  /** Of the volume that says that a snapshot is whole: a {@link DataSnapshot} as JSON. */
  record: 'berth.dev/snapshot-record',
  /** The name that the definition calls the volume by, of which this one is a copy. */
  data: labels.data,
  /** Of a container that copies: the workspace whose data volumes it has. */
  work: 'berth.dev/data-of',
  /** What it does, see `CopyJob`. */
  verb: 'berth.dev/data-verb',
  /** What goes on when it is done, as {@link Held}. */
  held: 'berth.dev/data-held',
} as const

/** Where the containers that copy have volumes: places that no image has. */
export const places = {
  data: (index: number) => `/.berth-volumes/data/${index}`,
  snapshot: (index: number) => `/.berth-volumes/snapshot/${index}`,
  /** Of the one volume that goes in or out as a tar stream, whose entries begin with its name. */
  stream: '/.berth-data',
}

export const snapshotVolume = (workspaceId: string, snapshotId: string, volume: string) =>
  `berth-${workspaceId}-snapshot-${snapshotId}-${volume}`
/** Labels cannot be changed, and that a copy is whole is known at its end: an empty volume says it. */
export const recordVolume = (workspaceId: string, snapshotId: string) =>
  `berth-${workspaceId}-snapshot-${snapshotId}`

/** Of a volume that is a copy. */
export function copyLabels(workspaceId: string, snapshotId: string, volume: string): Record<string, string> {
  return {
    [labels.managedBy]: MANAGED_BY,
    [labels.volume]: 'snapshot',
    [dataLabels.snapshotOf]: workspaceId,
    [dataLabels.snapshot]: snapshotId,
    [dataLabels.data]: volume,
    [labels.maker]: thisMaker(),
  }
}

export function recordLabels(snapshot: DataSnapshot): Record<string, string> {
  return {
    [labels.managedBy]: MANAGED_BY,
    [labels.volume]: 'snapshot-record',
    [dataLabels.snapshotOf]: snapshot.workspaceId,
    [dataLabels.snapshot]: snapshot.id,
    [dataLabels.record]: JSON.stringify(snapshot),
  }
}

/** The snapshot that a volume says is whole; undefined for every other volume. */
export function readRecord({ Labels }: VolumeSummary): DataSnapshot | undefined {
  const text = Labels?.[dataLabels.record]
  if (text === undefined) return undefined
  try {
    return DataSnapshot.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** A snapshot that has been taken; `bytes` of its volumes, in their order. */
export function takenSnapshot(
  workspaceId: string,
  { volumes, ...rest }: NewSnapshot,
  bytes: readonly number[],
): DataSnapshot {
  return {
    ...rest,
    workspaceId,
    volumes: volumes.map(({ name, image }, index) => ({
      name,
      bytes: bytes[index] ?? 0,
      ...(image !== undefined && { image }),
    })),
  }
}

/** Containers that were stopped and paused for a while, by their ids, in the order in which they go on. */
export interface Held {
  readonly stopped: readonly string[]
  readonly paused: readonly string[]
}

export function readHeld(text: string | undefined): Held {
  const ids = (value: unknown) =>
    Array.isArray(value)
      ? value.filter((one) => typeof one === 'string' && /^[0-9a-f]{12,64}$/.test(one))
      : []
  try {
    const { stopped, paused } = JSON.parse(text ?? '{}') as Partial<Held>
    return { stopped: ids(stopped), paused: ids(paused) }
  } catch {
    return { stopped: [], paused: [] }
  }
}
