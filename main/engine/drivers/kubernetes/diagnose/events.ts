import type { CoreV1Event } from '@kubernetes/client-node'

/**
 * Milliseconds since the epoch of the last time that it happened, as whole seconds. That is all that most components tell
 * (a kubelet's `lastTimestamp`); some, such as the scheduler, tell microseconds (`eventTime`), with which what a kubelet
 * did later in the same second would seem to be earlier.
 */
export function happenedAt({ series, lastTimestamp, eventTime, metadata }: CoreV1Event): number {
  const at = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata?.creationTimestamp
  return at ? Math.floor(new Date(at).getTime() / 1_000) * 1_000 : 0
}

/**
 * Sixteen hexadecimal digits that tell, in nanoseconds, when it happened for the first time. Components built with
 * client-go put them behind the object's name (`makeEvent` of tools/record and tools/events). Empty for others.
 */
function beganAt({ metadata }: CoreV1Event): string {
  return /\.([0-9a-f]{16})$/.exec(metadata.name ?? '')?.[1] ?? ''
}

/** Oldest first. Events come in any order, as each component sends its own when it gets round to it. */
export function inOrder(events: readonly CoreV1Event[]): readonly CoreV1Event[] {
  return [...events].sort(
    (left, right) =>
      happenedAt(left) - happenedAt(right) ||
      Number(beganAt(left) > beganAt(right)) - Number(beganAt(left) < beganAt(right)),
  )
}

/** The events, in order, of one kind of object. */
export function about(
  events: readonly CoreV1Event[],
  kind: 'Pod' | 'StatefulSet' | 'PersistentVolumeClaim',
): readonly CoreV1Event[] {
  return events.filter(({ involvedObject }) => involvedObject.kind === kind)
}

/** Why the last attempt to make its pod failed; undefined where it did not. `events` in order. */
export function refusedCreation(events: readonly CoreV1Event[]): string | undefined {
  const last = about(events, 'StatefulSet').findLast(
    ({ reason, message }) =>
      reason === 'FailedCreate' || (reason === 'SuccessfulCreate' && /\bPod\b/.test(message ?? '')),
  )
  return last?.reason === 'FailedCreate' ? (last.message ?? '') : undefined
}

/**
 * What keeps a pod that has a node from being started there: the last warning of one of these kinds since the node has
 * had it, unless something went on afterwards. `events` in order, of the pod alone.
 */
export function lastWarning(
  events: readonly CoreV1Event[],
  reasons: readonly string[],
): CoreV1Event | undefined {
  const since = events.findLastIndex(({ reason }) =>
    ['Scheduled', 'SuccessfulAttachVolume', 'Pulling', 'Pulled', 'Created', 'Started'].includes(reason ?? ''),
  )
  const at = events.findLastIndex(({ type, reason }) => type === 'Warning' && reasons.includes(reason ?? ''))
  if (at < 0) return undefined
  const warning = events[at]
  const after = events[since]
  // A repeated event has one place in the list; times tell what came last where the seconds differ.
  return after && warning && happenedAt(after) > happenedAt(warning) ? undefined : warning
}
