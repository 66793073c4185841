import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import type { Problem } from '#contract'
import { refusedCreation } from '../diagnose/events'
import { isCountedFull, mayPass, refusedProblem } from '../diagnose/quota'
import { unschedulable, waitsForVolume } from '../diagnose/scheduling'
import { claimEventProblem, claimMayPass, notCopied, notWritable } from '../diagnose/volume'
import { podState } from '../watch/pod-state'
import { hadNoLoginYet, mayStillPull, type Pulls, withWhy } from './image-problems'
import { NOT_COPIED, NOT_WRITABLE } from './prepare'

/** Milliseconds that a pod may be without a node: others may be on their way out, or a node on its way in. */
const UNSCHEDULABLE = 10_000
/** Milliseconds in which a quota's controller has counted what is gone, and in which others that are ending may make room. */
export const COUNTING = 10_000
/** The same where more nodes were asked for, or a volume is still being made. */
const PATIENT = 600_000

/** Where a start is. */
export interface Situation {
  readonly pod: V1Pod | undefined
  /** What happened since the start began, oldest first: to the StatefulSet, the claim and the pod. */
  readonly events: readonly CoreV1Event[]
  /** Milliseconds for which the scheduler has found no node; 0 when it has. */
  readonly unscheduled: number
  /** What the node's tries to pull its images came to. */
  readonly pulls: Pulls
  /** Milliseconds for which the cluster has refused to make the pod. Default: not at all. */
  readonly refused?: number
}

export interface Judgement {
  /** What is being waited for. */
  readonly detail: string
  /** Why it cannot succeed. */
  readonly problem?: Problem
}

/** What is being waited for, and whether that can come to a good end. */
export function judge({ pod, events, unscheduled, pulls, refused: refusedFor = 0 }: Situation): Judgement {
  if (!pod) {
    const refused = refusedCreation(events)
    if (refused === undefined) return { detail: 'Waiting for its pod to be made' }
    return mayPass(refused) || (isCountedFull(refused) && refusedFor <= COUNTING)
      ? { detail: `The cluster does not make its pod yet: ${refused}` }
      : { detail: 'The cluster refuses its pod', problem: refusedProblem(refused) }
  }
  const state = podState(pod, true)
  if (state.run === 'failed' && hadNoLoginYet(pod, events, pulls)) return { detail: state.reason }
  if (state.run === 'failed') return failedPod(pod, state.reason, state.problem, pulls)
  const volume = events
    .filter(({ involvedObject }) => involvedObject.kind === 'PersistentVolumeClaim')
    .filter(({ message }) => !claimMayPass(message ?? ''))
    .map(claimEventProblem)
    .findLast((one) => one !== undefined)
  const scheduled = pod.status?.conditions?.find((one) => one.type === 'PodScheduled')
  if (scheduled?.status === 'False') {
    const message = scheduled.message ?? ''
    if (volume) return { detail: state.reason, problem: volume }
    const growing = events.some(({ reason }) => reason === 'TriggeredScaleUp')
    const patience = growing || waitsForVolume(message) ? PATIENT : UNSCHEDULABLE
    return {
      detail: state.reason,
      ...(unscheduled > patience && { problem: unschedulable(message, pod) }),
    }
  }
  const latest = events.findLast(({ involvedObject }) => involvedObject.kind === 'Pod')
  return { detail: state.run === 'running' ? state.reason : (latest?.message ?? state.reason) }
}

/** What a node says of a container may pass by itself, or not. */
function failedPod(pod: V1Pod, reason: string, problem: Problem | undefined, pulls: Pulls): Judgement {
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  const waiting = all.map(({ state }) => state?.waiting).find((one) => one?.reason !== undefined)
  const message = waiting?.message ?? ''
  const preparing = pod.status?.initContainerStatuses?.find(({ name }) => name === 'prepare')
  const ended = preparing?.state?.terminated ?? preparing?.lastState?.terminated
  if (ended?.exitCode === NOT_WRITABLE) return { detail: reason, problem: notWritable(ended.message ?? '') }
  if (ended?.exitCode === NOT_COPIED) return { detail: reason, problem: notCopied(ended.message ?? '') }
  const passing =
    mayStillPull(pulls) || /deadline exceeded|is reserved|already in use|timed? ?out waiting/i.test(message)
  return { detail: reason, ...(!passing && problem && { problem: withWhy(problem, pulls.why) }) }
}
