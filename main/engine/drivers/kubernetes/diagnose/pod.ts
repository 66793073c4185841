import type { CoreV1Event, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import type { Problem } from '#contract'
import { isLost, podState, workspaceContainer } from '../watch/pod-state'
import { CONTAINER } from '../workspace/anatomy'
import { whyOfEvents, withWhy } from '../workspace/image-problems'
import { NOT_WRITABLE } from '../workspace/prepare'
import { lostNode, outOfMemory } from './container'
import { lastWarning } from './events'
import { mountProblem, notWritable } from './volume'

/** Milliseconds that a pod may take longer to end than it was given, clocks that differ included. */
const OVERDUE = 20_000
/** The same where nothing but the time speaks against its node, which may just have much to do. */
const LONG_OVERDUE = 90_000

/**
 * Why a pod that is to go does not: its node does not answer, so nobody can say that its containers have ended. `events`
 * of the pod, in order.
 */
export function stuckProblem(pod: V1Pod, events: readonly CoreV1Event[], now: number): Problem | undefined {
  const { deletionTimestamp, finalizers } = pod.metadata ?? {}
  if (deletionTimestamp === undefined) return undefined
  // The time by which it should be gone: the grace is in it.
  const late = now - new Date(deletionTimestamp).getTime()
  const evicted = events.some(({ reason }) => reason === 'TaintManagerEviction' || reason === 'NodeNotReady')
  if (isLost(pod) || (evicted && late > OVERDUE)) return lostNode(pod.spec?.nodeName ?? '', true)
  const held = finalizers && finalizers.length > 0
  if (late <= (held ? OVERDUE : LONG_OVERDUE)) return undefined
  return {
    code: held ? 'workspace-not-running' : 'node-lost',
    title: "The workspace's pod does not end",
    cause: held
      ? `Something has to let it go first: ${finalizers.join(', ')}.`
      : `It should have ended by ${new Date(deletionTimestamp).toISOString()}, and its node "${pod.spec?.nodeName ?? ''}" does not say that it has.`,
    remedy: held
      ? 'Ask whoever runs the cluster what sets this finalizer.'
      : 'Wait for the node to come back, or end the pod by force if you know that the node is off. Source and home are kept.',
  }
}

/** What keeps a pod that has a node from running, beside what its containers say. `events` of the pod, in order. */
export function nodeProblem(pod: V1Pod, events: readonly CoreV1Event[]): Problem | undefined {
  const { status, spec } = pod
  if (status?.phase === 'Failed') {
    const message = status.message ?? ''
    return {
      code: 'workspace-exited',
      title: status.reason === 'Evicted' ? 'The workspace was put off its node' : "The workspace's pod ended",
      cause: message.trim().split('\n', 1)[0] || status.reason || 'The cluster does not say why.',
      remedy:
        status.reason === 'Evicted'
          ? 'It starts again by itself where there is room. Ask for what it needs of memory and disk to be put off last.'
          : 'It starts again by itself. If it goes on, ask whoever runs the cluster.',
      detail: `${status.reason ?? status.phase}: ${message}`,
    }
  }
  const mount = lastWarning(events, ['FailedMount', 'FailedAttachVolume', 'FailedMapVolume'])
  if (mount) return mountProblem(mount.message ?? '')
  const sandbox = lastWarning(events, ['FailedCreatePodSandBox', 'NetworkNotReady'])
  if (!sandbox) return undefined
  return {
    code: 'create-failed',
    title: 'The workspace could not be started',
    cause: `Its node "${spec?.nodeName ?? ''}" cannot make a pod: ${(sandbox.message ?? '').trim().split('\n', 1)[0]}`,
    remedy: 'The node tries again by itself. If it goes on, ask whoever runs the cluster about this node.',
    detail: sandbox.message ?? '',
  }
}

/** What its containers say, as a Problem; with what the events add. `log`: the last lines that the one that failed wrote. */
export function containerProblem(
  pod: V1Pod,
  events: readonly CoreV1Event[],
  log: string | undefined,
): Problem | undefined {
  const { run, problem: told } = podState(pod, true)
  if (run !== 'failed' || !told) return undefined
  const problem = withWhy(told, whyOfEvents(events))
  if (problem.code === 'image-not-found' || problem.code === 'registry-auth') {
    const secret = events.findLast(({ reason }) => reason === 'FailedToRetrieveImagePullSecret')?.message
    const missing = secret && /\(([^)]+)\)/.exec(secret)?.[1]
    if (!missing) return problem
    return {
      ...problem,
      cause: `${problem.cause} The namespace does not have the pull secret ${missing} that the workspace names.`,
      remedy: 'Make this pull secret in the namespace, or correct its name in the options.',
      detail: `${problem.detail ?? ''}\n${secret}`,
    }
  }
  if (problem.code !== 'workspace-exited') return problem
  const failed = failedContainer(pod)
  const ended = failed?.state?.terminated ?? failed?.lastState?.terminated
  if (failed?.name === 'prepare' && ended?.exitCode === NOT_WRITABLE)
    return notWritable(log?.trim() || (ended.message ?? ''))
  const detail = log?.trim() || problem.detail
  const base =
    ended?.reason === 'OOMKilled' ? outOfMemory(ended.exitCode, memoryLimit(pod, failed?.name)) : problem
  return { ...base, ...(detail && { detail }) }
}

/** The container that ended and should not have; undefined where none did. */
export function failedContainer(pod: V1Pod | undefined): V1ContainerStatus | undefined {
  const ended = ({ state, lastState }: V1ContainerStatus) =>
    state?.terminated ?? (state?.waiting?.reason === 'CrashLoopBackOff' ? lastState?.terminated : undefined)
  const main = pod && workspaceContainer(pod)
  if (main && ended(main)) return main
  return pod?.status?.initContainerStatuses?.find((one) => (ended(one)?.exitCode ?? 0) !== 0)
}

function memoryLimit(pod: V1Pod, name = CONTAINER): string | undefined {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
  return all.find((one) => one.name === name)?.resources?.limits?.memory
}
