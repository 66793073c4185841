import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from '@kubernetes/client-node'
import type { ObservedWorkspace } from '../../driver'
import { readNotes } from '../../shared/notes'
import { withRemedies } from '../diagnose/remedies'
import { type Annotated, isComplete, isReplacing, podName, readAnnotations } from '../workspace/anatomy'
import { volumeOf } from '../workspace/volume'
import { incarnationOf, parkedBy, podState, startedAtOf } from './pod-state'
import { observeServices } from './services'

/** What the cluster has of one workspace. */
export interface WorkspaceObjects {
  readonly statefulSet?: V1StatefulSet | undefined
  readonly claim?: V1PersistentVolumeClaim | undefined
  readonly pod?: V1Pod | undefined
}

/** Undefined where there is nothing of it, or nothing that this Berth understands. */
export function observe({ statefulSet, claim, pod }: WorkspaceObjects): ObservedWorkspace | undefined {
  if (!statefulSet) return claim && withoutStatefulSet(claim, pod)
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
  const parked = state.run === 'stopped' ? parkedBy(pod) : undefined
  const running = state.run === 'running' && pod !== undefined
  const problem = state.problem && withRemedies(state.problem, { workspaceId: shown.id, pod, wanted })
  const startedAt = running ? startedAtOf(pod) : undefined
  const incarnation = running ? incarnationOf(pod) : undefined
  const services = observeServices(shown.definition, parked ? undefined : pod)
  return {
    ...record(shown),
    ...state,
    ...(problem && { problem }),
    ...(claim && { volume: volumeOf(claim), ...readNotes(claim.metadata?.annotations) }),
    ...(parked && { lastStop: parked, parked: true }),
    ...(startedAt !== undefined && { startedAt }),
    ...(incarnation !== undefined && { incarnation }),
    ...(services.length > 0 && { services }),
    instance: podName(shown.id),
    complete: isComplete(metadata),
    // What replaces one that is gone brings nothing to an end when it is taken back, and counts all the same.
    replacing,
  }
}

function withoutStatefulSet(
  claim: V1PersistentVolumeClaim,
  pod: V1Pod | undefined,
): ObservedWorkspace | undefined {
  const shown = readAnnotations(claim.metadata)
  if (!shown) return undefined
  const complete = isComplete(claim.metadata)
  const notes = readNotes(claim.metadata?.annotations)
  const base = { ...record(shown), complete, replacing: false, volume: volumeOf(claim), ...notes }
  if (claim.metadata?.deletionTimestamp) {
    // The claim waits for the pod that uses it, and that for its node.
    const state = pod && podState(pod, false)
    if (state?.problem) {
      const problem = withRemedies(state.problem, { workspaceId: shown.id, pod, wanted: false })
      return { ...base, run: 'failed', reason: `Being deleted: ${state.reason}`, problem }
    }
    return { ...base, run: 'stopping', reason: 'Being deleted' }
  }
  // Its pod goes after it, in a delete of which the rest is not seen yet, or for good: unless it was left an orphan.
  if (complete && pod?.metadata?.ownerReferences?.length) {
    return { ...base, run: 'stopping', reason: 'Its pod is ending' }
  }
  return complete
    ? { ...base, run: 'missing', reason: 'Its StatefulSet was removed; source and home are kept' }
    : { ...base, run: 'stopped', reason: 'Its creation was not completed' }
}

function record(shown: Annotated) {
  const { id, name, owner, source, definition, image, user, createdAt, kubernetes, prebuild } = shown
  const base = { id, name, owner, source, definition, image, user, createdAt, kubernetes }
  return { ...base, ...(prebuild && { prebuild }) }
}
