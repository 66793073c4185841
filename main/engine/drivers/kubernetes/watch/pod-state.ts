import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { type LastStop, type Problem, readAgentStop } from '#contract'
import { serviceFailed } from '../../shared/services'
import { lostNode, outOfMemory, waitingProblem } from '../diagnose/container'
import { CONTAINER, serviceOf } from '../workspace/anatomy'
import { pullProblem } from '../workspace/image-problems'

/** How far a pod is, in the words of a workspace. */
export interface PodState {
  readonly run: 'starting' | 'running' | 'stopping' | 'stopped' | 'failed'
  /** One sentence without a full stop. */
  readonly reason: string
  readonly problem?: Problem
}

/** The status of the container that is the workspace. */
export function workspaceContainer(pod: V1Pod): V1ContainerStatus | undefined {
  return pod.status?.containerStatuses?.find((one) => one.name === CONTAINER)
}

/**
 * Why its agent ended it, and when: the cluster has started it anew since, and nothing was done in it. Such a workspace
 * is stopped in all but the place that the cluster keeps for its pod.
 */
export function parkedBy(pod: V1Pod | undefined): LastStop | undefined {
  const status = pod && workspaceContainer(pod)
  const ended = status?.state?.terminated ?? status?.lastState?.terminated
  return ended?.exitCode === 0 ? readAgentStop(ended.message) : undefined
}

/** Whether processes can be started in it. */
export function isRunning(pod: V1Pod | undefined): pod is V1Pod {
  return (
    pod !== undefined &&
    pod.metadata?.deletionTimestamp === undefined &&
    workspaceContainer(pod)?.state?.running !== undefined &&
    !parkedBy(pod)
  )
}

/** Changes with every start and every replacement; undefined while it does not run. */
export function incarnationOf(pod: V1Pod): string | undefined {
  const status = workspaceContainer(pod)
  if (!isRunning(pod) || !status) return undefined
  return `${pod.metadata?.uid ?? ''}@${status.containerID ?? status.restartCount}`
}

/** Whether that is a container of Docker's, as an {@link incarnationOf} tells. */
export function isByDocker(incarnation: string): boolean {
  return incarnation.includes('@docker://')
}

/** Milliseconds since the epoch; undefined while it does not run. */
export function startedAtOf(pod: V1Pod): number | undefined {
  const started = workspaceContainer(pod)?.state?.running?.startedAt
  // The typed model says Date; what comes over the wire is text.
  return started === undefined ? undefined : new Date(started).getTime()
}

/** `wanted`: whether there should be a pod. */
export function podState(pod: V1Pod | undefined, wanted: boolean): PodState {
  if (!pod) {
    return wanted
      ? { run: 'starting', reason: 'Waiting for its pod to be made' }
      : { run: 'stopped', reason: 'Stopped' }
  }
  const lost = isLost(pod)
  if (pod.metadata?.deletionTimestamp) {
    if (lost) {
      return failed(
        'Its node does not answer, so its pod does not end',
        lostNode(pod.spec?.nodeName ?? '', true),
      )
    }
    const reason = 'Its pod is ending'
    return wanted ? { run: 'starting', reason } : { run: 'stopping', reason }
  }
  if (!wanted) return { run: 'stopping', reason: 'Its pod is about to end' }
  if (lost) {
    return {
      run: 'failed',
      reason: 'Its node does not answer',
      problem: lostNode(pod.spec?.nodeName ?? ''),
    }
  }
  return containerState(pod)
}

/**
 * Whether the cluster does not hear of its node. The controller that takes a node for lost sets its pods' Ready to False
 * and nothing else; a kubelet says with it that the containers are not ready, or a readiness gate is not.
 */
export function isLost(pod: V1Pod): boolean {
  const condition = (type: string) => pod.status?.conditions?.find((one) => one.type === type)
  const ready = condition('Ready')
  return (
    pod.status?.phase === 'Unknown' ||
    pod.status?.reason === 'NodeLost' ||
    (ready?.status === 'Unknown' && ready.reason === 'NodeStatusUnknown') ||
    (ready?.status === 'False' && !ready.reason && condition('ContainersReady')?.status === 'True')
  )
}

function containerState(pod: V1Pod): PodState {
  const { status } = pod
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') {
    return {
      run: 'starting',
      reason: `Its pod is replaced: ${status.message ?? status.reason ?? 'it has ended'}`,
    }
  }
  const main = workspaceContainer(pod)
  const parked = parkedBy(pod)
  if (parked) return { run: 'stopped', reason: parked.reason }
  if (main?.state?.running) return { run: 'running', reason: 'Running' }
  const scheduled = status?.conditions?.find((one) => one.type === 'PodScheduled')
  if (scheduled?.status === 'False')
    return { run: 'starting', reason: `Waiting for a node: ${scheduled.message ?? scheduled.reason ?? ''}` }
  for (const one of status?.initContainerStatuses ?? []) {
    if (one.state?.terminated?.exitCode === 0) continue
    const service = serviceOf(one.name)
    if (service !== undefined) return beginning(one, service)
    return waiting(one, 'The preparing of its volume') ?? { run: 'starting', reason: 'Preparing its volume' }
  }
  return (main && waiting(main, 'It')) ?? { run: 'starting', reason: 'Its node is getting it ready' }
}

/** Of a service that does its work before all others. */
function beginning(status: V1ContainerStatus, service: string): PodState {
  const { state, lastState } = status
  const ended = state?.terminated ?? (state?.running ? undefined : lastState?.terminated)
  if (ended) {
    const cause = `It ended with code ${ended.exitCode}.`
    return failed(`The service ${service} failed`, serviceFailed(service, cause, ended.message))
  }
  return waiting(status, `The service ${service}`) ?? { run: 'starting', reason: `Waiting for ${service}` }
}

/** What holds up a container that does not run, or ended it. Undefined while nothing is wrong. */
function waiting(status: V1ContainerStatus, what: string): PodState | undefined {
  const { state, lastState } = status
  const ended =
    state?.terminated ?? (state?.waiting?.reason === 'CrashLoopBackOff' ? lastState?.terminated : undefined)
  if (ended) {
    if (ended.reason === 'OOMKilled') return failed('It ran out of memory', outOfMemory(ended.exitCode))
    return failed(`${what} ended with code ${ended.exitCode}`, {
      code: 'workspace-exited',
      title: "The workspace's main process ended",
      cause: `${what} ended with code ${ended.exitCode}, and the cluster starts it again and again.`,
      remedy: 'See its logs. Correct the definition or the image, then rebuild.',
      ...(ended.message && { detail: ended.message }),
    })
  }
  const { reason, message } = state?.waiting ?? {}
  switch (reason) {
    case undefined:
    case 'ContainerCreating':
    case 'PodInitializing':
      return undefined
    case 'ErrImagePull':
    case 'ImagePullBackOff':
    case 'InvalidImageName':
      return failed(
        `Its image could not be pulled: ${firstLine(message ?? '')}`,
        pullProblem(status.image, message || reason),
      )
    default:
      return failed(`${reason}: ${firstLine(message ?? '')}`, waitingProblem(reason, message ?? ''))
  }
}

function failed(reason: string, problem: Problem): PodState {
  return { run: 'failed', reason, problem }
}

const firstLine = (text: string) => text.trim().split('\n', 1)[0] ?? ''
