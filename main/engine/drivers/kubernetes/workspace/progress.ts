import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import type { Problem } from '#contract'
import { podState } from '../watch/pod-state'
import { isCertain } from './image-problems'
import { NOT_WRITABLE } from './prepare'

/** Milliseconds that a pod may be without a node: others may be on their way out, or a node on its way in. */
const UNSCHEDULABLE = 10_000
/** The same where more nodes were asked for, or a volume is still being made. */
const PATIENT = 600_000

/** Where a start is. */
export interface Situation {
  readonly pod: V1Pod | undefined
  /** What happened since the start began, oldest first: to the StatefulSet, the claim and the pod. */
  readonly events: readonly CoreV1Event[]
  /** Milliseconds for which the scheduler has found no node; 0 when it has. */
  readonly unscheduled: number
}

export interface Judgement {
  /** What is being waited for. */
  readonly detail: string
  /** Why it cannot succeed. */
  readonly problem?: Problem
}

/** What is being waited for, and whether that can come to a good end. */
export function judge({ pod, events, unscheduled }: Situation): Judgement {
  const refused = events.findLast(({ reason, type }) => type === 'Warning' && reason === 'FailedCreate')
  if (!pod) {
    return refused
      ? { detail: 'The cluster refuses its pod', problem: refusedPod(refused.message ?? '') }
      : { detail: 'Waiting for its pod to be made' }
  }
  const state = podState(pod, true)
  if (state.run === 'failed') return failedPod(pod, state.reason, state.problem)
  const claim = events.findLast(
    ({ reason, type, involvedObject, message }) =>
      type === 'Warning' &&
      involvedObject.kind === 'PersistentVolumeClaim' &&
      (reason === 'ProvisioningFailed' || /no storage class/i.test(message ?? '')),
  )
  const scheduled = pod.status?.conditions?.find((one) => one.type === 'PodScheduled')
  if (scheduled?.status === 'False') {
    const message = scheduled.message ?? ''
    if (claim) return { detail: state.reason, problem: volumeProblem(claim.message ?? '') }
    const growing = events.some(({ reason }) => reason === 'TriggeredScaleUp')
    const patience = growing || /PersistentVolumeClaim/i.test(message) ? PATIENT : UNSCHEDULABLE
    return {
      detail: state.reason,
      ...(unscheduled > patience && { problem: unschedulable(message) }),
    }
  }
  const latest = events.findLast(({ involvedObject }) => involvedObject.kind === 'Pod')
  return { detail: state.run === 'running' ? state.reason : (latest?.message ?? state.reason) }
}

/** What a node says of a container may pass by itself, or not. */
function failedPod(pod: V1Pod, reason: string, problem: Problem | undefined): Judgement {
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  const waiting = all.map(({ state }) => state?.waiting).find((one) => one?.reason !== undefined)
  const message = waiting?.message ?? ''
  const preparing = pod.status?.initContainerStatuses?.find(({ name }) => name === 'prepare')
  const ended = preparing?.state?.terminated ?? preparing?.lastState?.terminated
  if (ended?.exitCode === NOT_WRITABLE) return { detail: reason, problem: notWritable(ended.message ?? '') }
  const passing =
    // The first try of a pull: only what a registry says for certain counts.
    (waiting?.reason === 'ErrImagePull' && !isCertain(message)) ||
    /deadline exceeded|is reserved|already in use|timed? ?out waiting/i.test(message)
  return { detail: reason, ...(!passing && problem && { problem }) }
}

function refusedPod(message: string): Problem {
  const podSecurity = /PodSecurity|violates|securityContext|pod security/i.test(message)
  const quota = /exceeded quota|must specify|(maximum|minimum) (cpu|memory)/i.test(message)
  return {
    code: 'create-failed',
    title: "The cluster refuses the workspace's pod",
    cause: message.split('\n', 1)[0] ?? '',
    remedy: podSecurity
      ? 'Choose an image whose user is not root, or set remoteUser to one; or ask whoever runs the cluster to admit it.'
      : quota
        ? 'Set CPU and memory to what the namespace has room for, or stop another workspace.'
        : 'Ask whoever runs the cluster what this rule wants.',
    detail: message,
  }
}

function unschedulable(message: string): Problem {
  return {
    code: 'create-failed',
    title: 'No node can take the workspace',
    cause: message,
    remedy: 'Ask for less CPU and memory, correct its node selector and tolerations, or wait for room.',
    detail: message,
  }
}

function volumeProblem(message: string): Problem {
  const noClass = /no storage class/i.test(message)
  return {
    code: 'create-failed',
    title: "The workspace's volume could not be made",
    cause: noClass ? 'The cluster has no default storage class, and none was chosen.' : message,
    remedy: noClass ? 'Choose a storage class.' : 'Choose another storage class or size.',
    detail: message,
  }
}

function notWritable(message: string): Problem {
  return {
    code: 'permission-denied',
    title: "The workspace's volume cannot be written to",
    cause: 'Volumes of its storage class belong to root, and the workspace runs as another user.',
    remedy: 'Choose a storage class whose volumes follow fsGroup, or let the workspace run as root.',
    ...(message && { detail: message }),
  }
}
