import { hostname } from 'node:os'
import { DataSnapshot } from '#contract'
import { isAlive, thisProcess } from '../../../platform/process-identity'
import { parseJson } from '../../shared/description'
import type { Metadata } from '../workspace/anatomy'

/**
 * Annotations of a workspace's claim. Snapshots are folders of its volume, so they go when it goes; that one is whole,
 * and what it is, the claim says, which can be read whether a pod runs or not.
 */
const PREFIX = 'berth.dev/snapshot.'
export const snapshotKey = (snapshotId: string) => `${PREFIX}${snapshotId}`
/** Present while a Berth copies data: {@link Work}. */
export const WORK = 'berth.dev/data-work'

/** Milliseconds after which the work of a Berth on another machine counts as given up: its pod has ended then. */
const GIVEN_UP = 3_600_000

export function readSnapshots(metadata: Metadata | undefined): DataSnapshot[] {
  return Object.entries(metadata?.annotations ?? {}).flatMap(([key, text]) => {
    if (!key.startsWith(PREFIX)) return []
    const found = DataSnapshot.safeParse(parseJson(text)).data
    return found && snapshotKey(found.id) === key ? [found] : []
  })
}

/** Who copies data of a workspace just now, and which. */
export interface Work {
  readonly volumes: readonly string[]
  /** A snapshot that is being made. */
  readonly snapshotId?: string
  /** Whether the workspace ran, and is to run again. */
  readonly wasRunning?: boolean
  /** Whether all copies of a restore are whole: from here on it is brought to its end, and not taken back. */
  readonly whole?: boolean
  readonly maker: string
  readonly since: number
}

export function thisMaker(): string {
  const { pid, start } = thisProcess()
  return `${pid}:${start}:${hostname()}`
}

export function readWork(metadata: Metadata | undefined): Work | undefined {
  const value = parseJson(metadata?.annotations?.[WORK])
  if (typeof value !== 'object' || value === null) return undefined
  const { volumes, snapshotId, wasRunning, whole, maker, since } = value as Partial<Work>
  return {
    volumes: Array.isArray(volumes) ? volumes.filter((one) => typeof one === 'string') : [],
    ...(typeof snapshotId === 'string' && /^[a-z0-9]{1,40}$/.test(snapshotId) && { snapshotId }),
    ...(wasRunning === true && { wasRunning }),
    ...(whole === true && { whole }),
    maker: typeof maker === 'string' ? maker : '',
    since: typeof since === 'number' ? since : 0,
  }
}

/** Whether nobody is at it any more, as far as this machine can tell. */
export function isGivenUp({ maker, since }: Work, now: number): boolean {
  const [, pid = '', start = '', host = ''] = /^(\d+):(\d*):(.*)$/.exec(maker) ?? []
  if (host === hostname() && pid !== '') return !isAlive({ pid: Number(pid), start })
  return now - since > GIVEN_UP
}
