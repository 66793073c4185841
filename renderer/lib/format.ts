import type { Progress, Source, Target, Workspace, WorkspaceState } from '#contract'
import { kubernetesPatterns } from '#contract/kubernetes-patterns'
import { parseKubernetesTargetId } from '#contract/target-id'

const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** Bytes in decimal units, as download sizes are written: `0 B`, `812 KB`, `1.4 GB`. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes)
  let unit = 0
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0
  return `${value.toFixed(digits)} ${byteUnits[unit]}`
}

/** A length of time in milliseconds: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
  return `${Math.floor(hours / 24)} d`
}

/** How long ago, in one unit: `just now`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function formatAgo(then: number, now: number): string {
  const seconds = (now - then) / 1000
  if (seconds < 45) return 'just now'
  if (seconds < 45 * 60) return `${Math.max(1, Math.round(seconds / 60))} min ago`
  if (seconds < 36 * 3600) return `${Math.max(1, Math.round(seconds / 3600))} h ago`
  return `${Math.round(seconds / 86_400)} d ago`
}

/** Progress as words: `12.4 MB of 80 MB`, `45 %`, `3 of 7`. */
export function formatProgress({ current, total, unit }: Progress): string {
  if (unit === 'percent') return `${Math.round(current)} %`
  const write = unit === 'bytes' ? formatBytes : String
  return total === undefined ? write(current) : `${write(current)} of ${write(total)}`
}

/** How much of it is done, 0 to 1; undefined while the end is not known. */
export function progressFraction({ current, total, unit }: Progress): number | undefined {
  const end = total ?? (unit === 'percent' ? 100 : undefined)
  if (end === undefined || end <= 0) return undefined
  return Math.min(1, Math.max(0, current / end))
}

/** A source as one short line: `github.com/owner/repository @ main`, `~/code/app`, `debian:bookworm`. */
export function formatSource(source: Source): string {
  if (source.kind === 'image') return source.image
  if (source.kind === 'folder') return source.path
  const place = source.url
    .replace(/^[a-z+]+:\/\/(?:[^@/]*@)?/, '')
    .replace(/^[^@/]+@([^:/]+):/, '$1/')
    .replace(/\.git\/?$/, '')
    .replace(/\/$/, '')
  if (!source.ref) return place
  return `${place} @ ${source.ref.kind === 'branch' ? source.ref.name : source.ref.id.slice(0, 10)}`
}

/** A source as it can be typed, so that it is read as the same again. */
export function sourceText(source: Source): string {
  if (source.kind === 'image') return source.image
  if (source.kind === 'folder') return source.path
  if (!source.ref) return source.url
  return source.ref.kind === 'branch' ? `${source.url}#${source.ref.name}` : `${source.url}@${source.ref.id}`
}

/** The address of a git source in a browser, where it has one. */
export function sourceWebAddress(source: Source): string | undefined {
  if (source.kind !== 'git') return undefined
  const [, host, path] =
    /^https?:\/\/(?:[^@/]*@)?([^/]+)\/(.+?)(?:\.git)?\/?$/.exec(source.url) ??
    /^(?:ssh:\/\/)?[^@/]+@([^:/]+)[:/](.+?)(?:\.git)?\/?$/.exec(source.url) ??
    []
  return host && path ? `https://${host}/${path}` : undefined
}

const stateLabels: Record<WorkspaceState, string> = {
  creating: 'Creating',
  starting: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  stopped: 'Stopped',
  failed: 'Failed',
  deleting: 'Deleting',
}

export function stateLabel(state: WorkspaceState): string {
  return stateLabels[state]
}

/** Why a workspace is in its state; where the engine only repeats the state, since when. */
export function reasonText(
  workspace: Pick<Workspace, 'state' | 'reason' | 'startedAt'>,
  now: number,
): string {
  const { state, reason, startedAt } = workspace
  if (reason.toLowerCase() !== state) return reason
  return startedAt === undefined ? '' : `Came up ${formatAgo(startedAt, now)}`
}

/** `1 file`, `3 files`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

/** What is wrong with a workspace's name as typed, or undefined. The rule is the contract's `WorkspaceName`. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'Give it a name.'
  if (name.length > 40) return 'At most 40 characters.'
  if (/[^a-z0-9-]/.test(name))
    return 'Lower-case letters, digits and hyphens only: the name is part of its URLs.'
  if (!/^[a-z0-9]/.test(name) || !/[a-z0-9]$/.test(name)) return 'Begin and end with a letter or a digit.'
  return undefined
}

/** What is wrong with an amount as typed, or undefined. The rule is the contract's `Quantity`. */
export function amountFault(amount: string): string | undefined {
  const { pattern, message } = kubernetesPatterns.quantity
  return pattern.test(amount) ? undefined : message
}

/** A target as a person tells it from others: of a cluster, the context and the namespace. */
export function targetText({ id, kind, name }: Pick<Target, 'id' | 'kind' | 'name'>): string {
  // A kubeconfig that cannot be read stands for its contexts.
  if (kind !== 'kubernetes' || id.startsWith('kubernetes:file:')) return name
  const { context, namespace } = parseKubernetesTargetId(id)
  return `${context} / ${namespace}`
}

const names = new Intl.Collator()

/** Its numbers in so many digits that their order is that of their digits. The collator's own way takes twice as long. */
const collated = (name: string) => name.replace(/\d+/g, (digits) => digits.padStart(16, '0'))

type Named = { readonly name: string }
const sortedLists = new WeakMap<readonly Named[], readonly Named[]>()

/**
 * The records by name as people count: `app-2` before `app-10`. Sorted once for all who ask: thousands of names take a
 * while.
 */
export function sortedByName<T extends Named>(records: readonly T[]): readonly T[] {
  const known = sortedLists.get(records) as readonly T[] | undefined
  if (known) return known
  const sorted = records
    .map((record) => ({ record, key: collated(record.name) }))
    .sort((one, other) => names.compare(one.key, other.key))
    .map(({ record }) => record)
  sortedLists.set(records, sorted)
  return sorted
}
