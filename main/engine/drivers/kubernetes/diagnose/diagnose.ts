import type {
  CoreV1Event,
  V1Namespace,
  V1PersistentVolumeClaim,
  V1Pod,
  V1StatefulSet,
} from '@kubernetes/client-node'
import { type Problem, ProblemError } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { ApiClient } from '../api'
import { isStatus } from '../status'
import { isRunning } from '../watch/pod-state'
import { objectName, podName } from '../workspace/anatomy'
import { Objects, workspaceGone } from '../workspace/objects'
import { about, inOrder, refusedCreation } from './events'
import { containerProblem, failedContainer, nodeProblem, stuckProblem } from './pod'
import { refusedProblem } from './quota'
import { withRemedies } from './remedies'
import { unschedulable, waitsForVolume } from './scheduling'
import { claimProblem } from './volume'

const title = 'The workspace could not be looked into'
/** Of what a container wrote before it ended. */
const LOG_LINES = 20
const LOG_BYTES = 16 * 1024

/** What there is to say of a workspace that is not well: one Problem, or none. Rejects with raw errors. */
export type Diagnose = (client: ApiClient, id: string, signal: AbortSignal) => Promise<readonly Problem[]>

/** What the cluster has of a workspace, and has said of it. */
export interface Findings {
  readonly statefulSet: V1StatefulSet
  readonly claim: V1PersistentVolumeClaim | undefined
  readonly pod: V1Pod | undefined
  /** In order: of the StatefulSet, the claim and the pod of this name. */
  readonly events: readonly CoreV1Event[]
  /** The last lines of the container that ended. */
  readonly log?: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Asks the cluster, with no more rights than resources/kubernetes/role.yaml gives. */
export function createDiagnose(clock: Clock): Diagnose {
  return async (client, id, signal) => {
    const objects = new Objects(client, clock)
    try {
      const [{ statefulSet, claim }, pod, events] = await Promise.all([
        objects.of(id, signal),
        objects.get('pods', podName(id), signal),
        eventsOf(client, objects, id, signal),
      ])
      if (!statefulSet) {
        const namespace = await namespaceProblem(client, signal)
        return [namespace ?? workspaceGone(id, claim !== undefined).problem]
      }
      const failed = failedContainer(pod)
      const log = failed && (await lastLines(client, objects, podName(id), failed.name, signal))
      const found = judgeAll({ statefulSet, claim, pod, events, log, now: clock.now() })
      const wanted = (statefulSet.spec?.replicas ?? 0) > 0
      return found ? [withRemedies(found, { workspaceId: id, pod, wanted: wanted && !isRunning(pod) })] : []
    } catch (error) {
      if (!isStatus(error, 403, 404)) throw error
      const failure = client.failure(error, title, signal)
      const namespace = await namespaceProblem(client, signal)
      if (namespace) return [namespace]
      if (failure instanceof ProblemError) return [failure.problem]
      throw failure
    }
  }
}

/** The one thing that is wrong; undefined for what is well, or getting there. */
export function judgeAll({ statefulSet, claim, pod, events, log, now }: Findings): Problem | undefined {
  const wanted = (statefulSet.spec?.replicas ?? 0) > 0
  const running: boolean = isRunning(pod)
  const podEvents = ofObject(about(events, 'Pod'), pod)
  const claimEvents = ofObject(about(events, 'PersistentVolumeClaim'), claim)
  const volume = claim && claimProblem(claim, claimEvents, { wanted: wanted && !running, now })
  if (pod?.metadata?.deletionTimestamp) return stuckProblem(pod, podEvents, now)
  if (!wanted) return volume
  if (!pod) {
    const refused = refusedCreation(ofObject(about(events, 'StatefulSet'), statefulSet))
    return refused === undefined ? volume : refusedProblem(refused)
  }
  const container = containerProblem(pod, podEvents, log)
  if (container) return container
  if (running) return volume
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False') {
    const message = scheduled.message ?? scheduled.reason ?? ''
    if (waitsForVolume(message))
      return volume ?? (claim?.status?.phase === 'Bound' ? unschedulable(message, pod) : undefined)
    return unschedulable(message, pod)
  }
  return nodeProblem(pod, podEvents) ?? volume
}

/** Events of this very object: one before it may have had the same name. */
function ofObject(
  events: readonly CoreV1Event[],
  object: V1StatefulSet | V1PersistentVolumeClaim | V1Pod | undefined,
): readonly CoreV1Event[] {
  const uid = object?.metadata?.uid
  return events.filter(({ involvedObject }) => !uid || !involvedObject.uid || involvedObject.uid === uid)
}

/** None where they may not be read: the objects themselves say most. */
async function eventsOf(
  client: ApiClient,
  objects: Objects,
  id: string,
  signal: AbortSignal,
): Promise<readonly CoreV1Event[]> {
  const all = [objectName(id), podName(id)].map(async (name) => {
    try {
      const { items } = await client.json<{ items?: CoreV1Event[] }>('GET', objects.paths.events, {
        query: { fieldSelector: `involvedObject.name=${name}` },
        signal,
      })
      return items ?? []
    } catch (error) {
      if (isStatus(error, 403)) return []
      throw error
    }
  })
  return inOrder((await Promise.all(all)).flat())
}

/** What a container wrote before it ended the last time. */
async function lastLines(
  client: ApiClient,
  objects: Objects,
  pod: string,
  container: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  // While it waits for its next start, the logs are those of its last end; the one before is `previous`.
  for (const previous of [false, true]) {
    try {
      const stream = await client.stream(`${objects.paths.pods}/${pod}/log`, {
        query: { container, tailLines: LOG_LINES, limitBytes: LOG_BYTES, previous },
        signal,
      })
      let text = ''
      for await (const chunk of stream.setEncoding('utf8')) text += chunk
      if (text.trim() && !/^unable to retrieve container logs/.test(text)) return text
    } catch {
      signal.throwIfAborted()
      // Gone with its container, or its node does not answer: what the status has is told instead.
    }
  }
  return undefined
}

/** Where the namespace itself is what is wrong. Undefined, too, where this identity may not ask. */
export async function namespaceProblem(client: ApiClient, signal: AbortSignal): Promise<Problem | undefined> {
  const { namespace, targetName } = client.identity
  try {
    const found = await client.json<V1Namespace>(
      'GET',
      `/api/v1/namespaces/${encodeURIComponent(namespace)}`,
      {
        signal,
      },
    )
    if (found.status?.phase !== 'Terminating') return undefined
    const held = found.status.conditions?.findLast(
      ({ status, type }) => status === 'True' && /^Namespace/.test(type),
    )
    return {
      code: 'namespace-missing',
      title: `The namespace "${namespace}" is being deleted`,
      cause: 'Everything in it goes with it, workspaces and their volumes included.',
      remedy: 'Choose another namespace for this context, or wait until it is gone and make it anew.',
      ...(held?.message && { detail: held.message }),
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!isStatus(error, 404)) return undefined
    return {
      code: 'namespace-missing',
      title: `There is no namespace "${namespace}"`,
      cause: `The cluster "${targetName}" has none of this name.`,
      remedy: 'Make the namespace, or choose another one for this context.',
      detail: error instanceof Error ? error.message : String(error),
    }
  }
}
