import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from '@kubernetes/client-node'
import type { ObservedWorkspace } from '../../driver'
import { type Annotated, isComplete, isReplacing, podName, readAnnotations } from '../workspace/anatomy'
import { incarnationOf, podState, startedAtOf } from './pod-state'

/** What the cluster has of one workspace. */
export interface WorkspaceObjects {
  readonly statefulSet?: V1StatefulSet | undefined
  readonly claim?: V1PersistentVolumeClaim | undefined
  readonly pod?: V1Pod | undefined
}

/** Undefined where there is nothing of it, or nothing that this Berth understands. */
export function observe({ statefulSet, claim, pod }: WorkspaceObjects): ObservedWorkspace | undefined {
  if (!statefulSet) return claim && withoutStatefulSet(claim)
  const { metadata, spec } = statefulSet
  const replacing = isReplacing(metadata)
  const current = readAnnotations(metadata)
  // While it is being replaced the committed one is shown, whose description the claim has.
  const shown = (replacing ? readAnnotations(claim?.metadata) : undefined) ?? current
  if (!shown) return undefined
  const wanted = (spec?.replicas ?? 0) > 0
  const state = metadata?.deletionTimestamp
    ? { run: 'stopping' as const, reason: 'Being deleted' }
    : podState(pod, wanted)
  const running = state.run === 'running' && pod !== undefined
  const startedAt = running ? startedAtOf(pod) : undefined
  const incarnation = running ? incarnationOf(pod) : undefined
  return {
    ...record(shown),
    ...state,
    ...(startedAt !== undefined && { startedAt }),
    ...(incarnation !== undefined && { incarnation }),
    instance: podName(shown.id),
    complete: isComplete(metadata),
    // What replaces one that is gone brings nothing to an end when it is taken back, and counts all the same.
    replacing,
  }
}

function withoutStatefulSet(claim: V1PersistentVolumeClaim): ObservedWorkspace | undefined {
  const shown = readAnnotations(claim.metadata)
  if (!shown) return undefined
  const complete = isComplete(claim.metadata)
  const base = { ...record(shown), complete, replacing: false }
  if (claim.metadata?.deletionTimestamp) return { ...base, run: 'stopping', reason: 'Being deleted' }
  return complete
    ? { ...base, run: 'missing', reason: 'Its StatefulSet was removed; source and home are kept' }
    : { ...base, run: 'stopped', reason: 'Its creation was not completed' }
}

function record(shown: Annotated) {
  const { id, name, owner, source, definition, image, user, createdAt, kubernetes } = shown
  return { id, name, owner, source, definition, image, user, createdAt, kubernetes }
}
