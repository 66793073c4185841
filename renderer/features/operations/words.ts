import type { Operation, OperationKind, Step } from '#contract'
import { formatDuration, formatProgress, progressFraction } from '../../lib/format'
import type { TimelineStep } from '../../ui/timeline'

const doing: Record<OperationKind, string> = {
  create: 'Creating',
  start: 'Starting',
  stop: 'Stopping',
  restart: 'Restarting',
  rebuild: 'Rebuilding',
  rename: 'Renaming',
  grow: 'Growing the volume of',
  snapshot: 'Taking a snapshot of',
  restore: 'Replacing the data of',
  delete: 'Deleting',
  prebuild: 'Prebuilding',
}

const done: Record<OperationKind, string> = {
  create: 'Created',
  start: 'Started',
  stop: 'Stopped',
  restart: 'Restarted',
  rebuild: 'Rebuilt',
  rename: 'Renamed',
  grow: 'Grew the volume of',
  snapshot: 'Took a snapshot of',
  restore: 'Replaced the data of',
  delete: 'Deleted',
  prebuild: 'Prebuilt',
}

/** An operation in one line, as it is now. */
export function operationTitle(operation: Operation, now: number): string {
  const { kind, state, workspaceName: name, startedAt, endedAt, cancelling } = operation
  const took = formatDuration((endedAt ?? now) - startedAt)
  if (state === 'succeeded') return `${done[kind]} ${name} in ${took}`
  if (state === 'failed') return `${doing[kind]} ${name} failed after ${took}`
  if (state === 'cancelled') return `${doing[kind]} ${name} was cancelled`
  return cancelling ? `Cancelling, and cleaning up` : `${doing[kind]} ${name}`
}

/** A step of the contract as the timeline shows it. */
export function timelineStep(step: Step, now: number, hasOutput: boolean): TimelineStep {
  const { id, title, state, detail, progress, startedAt, endedAt } = step
  const elapsed = startedAt === undefined ? undefined : (endedAt ?? now) - startedAt
  return {
    id,
    title,
    state,
    detail,
    unfolds: hasOutput,
    progress: progress && state === 'running' ? formatProgress(progress) : undefined,
    fraction: progress && progressFraction(progress),
    // Steps that took no time to speak of say nothing of it.
    elapsed: elapsed !== undefined && elapsed >= 100 ? formatDuration(elapsed) : undefined,
  }
}
