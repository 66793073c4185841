import type {
  V1NetworkPolicy,
  V1PersistentVolumeClaim,
  V1Pod,
  V1Secret,
  V1StatefulSet,
} from '@kubernetes/client-node'
import { type ProblemError, problem } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { ApiClient } from '../api'
import { stuckProblem } from '../diagnose/pod'
import { withRemedies } from '../diagnose/remedies'
import { isStatus } from '../status'
import { followObject } from '../watch/follow'
import { filesPodName, idOfName, managedSelector, objectName, type Paths, paths, podName } from './anatomy'

interface Kinds {
  readonly statefulSets: V1StatefulSet
  readonly claims: V1PersistentVolumeClaim
  readonly pods: V1Pod
  readonly secrets: V1Secret
  readonly networkPolicies: V1NetworkPolicy
}
type Kind = keyof Kinds

/** Seconds that a pod has to end when it is deleted for good; the node goes on asking until its containers are gone. */
const BRIEF_GRACE = 1
/** Objects of one answer to a list. */
const PAGE = 500
/** Milliseconds in which a kubelet usually removes a pod whose containers have ended. */
const LINGERS = 1_500

/**
 * Milliseconds that a pod may take longer to end than it was given before it counts as stuck, on a node that answers:
 * a kubelet that missed the moment (1.20, where the pod was just being started) looks again after 60 to 90 s.
 */
const OVERDUE = 120_000
/** Milliseconds between two looks at a pod that does not change. */
const LOOK_AGAIN = 1_000

/** The objects of one namespace, one by one. Rejects with raw errors. */
export class Objects {
  readonly #client: ApiClient
  readonly #clock: Clock
  readonly #paths: Paths
  readonly namespace: string

  constructor(client: ApiClient, clock: Clock) {
    this.namespace = client.identity.namespace
    this.#client = client
    this.#clock = clock
    this.#paths = paths(client.identity.namespace)
  }

  get paths(): Paths {
    return this.#paths
  }

  #path(kind: Kind, name: string): string {
    return `${this.#paths[kind]}/${encodeURIComponent(name)}`
  }

  /** Undefined where there is none. */
  async get<K extends Kind>(kind: K, name: string, signal?: AbortSignal): Promise<Kinds[K] | undefined> {
    try {
      return await this.#client.json<Kinds[K]>('GET', this.#path(kind, name), { ...(signal && { signal }) })
    } catch (error) {
      if (isStatus(error, 404)) return undefined
      throw error
    }
  }

  /** What there is of a workspace, apart from its pod. */
  async of(id: string, signal?: AbortSignal) {
    const [statefulSet, claim] = await Promise.all([
      this.get('statefulSets', objectName(id), signal),
      this.get('claims', objectName(id), signal),
    ])
    return { statefulSet, claim }
  }

  /** Every claim of Berth's: each workspace has one, and its annotations tell the name. */
  async claims(signal?: AbortSignal): Promise<V1PersistentVolumeClaim[]> {
    const all: V1PersistentVolumeClaim[] = []
    let token: string | undefined
    do {
      const page: { items?: V1PersistentVolumeClaim[]; metadata?: { continue?: string } } =
        await this.#client.json('GET', this.#paths.claims, {
          query: { labelSelector: managedSelector, limit: PAGE, ...(token && { continue: token }) },
          ...(signal && { signal }),
        })
      all.push(...(page.items ?? []))
      token = page.metadata?.continue || undefined
    } while (token !== undefined)
    return all
  }

  /** Server-side apply. Not aborted under way: the server would go on, and make what nobody removes then. */
  apply<K extends Kind>(kind: K, object: Kinds[K]): Promise<Kinds[K]> {
    return this.#client.apply<Kinds[K]>(this.#path(kind, object.metadata?.name ?? ''), object)
  }

  /** Changes some fields, whoever manages them: what a person asks for counts. */
  async patch(kind: Kind, name: string, change: unknown): Promise<void> {
    await this.#client.json('PATCH', this.#path(kind, name), {
      contentType: 'application/merge-patch+json',
      query: { fieldManager: 'berth' },
      json: change,
    })
  }

  createPod(pod: V1Pod): Promise<V1Pod> {
    return this.#client.json<V1Pod>('POST', this.#paths.pods, {
      query: { fieldManager: 'berth' },
      json: pod,
    })
  }

  /** Asks for its end; `grace` in seconds, for pods. Nothing where there is none. */
  async delete(kind: Kind, name: string, grace?: number): Promise<void> {
    try {
      await this.#client.json('DELETE', this.#path(kind, name), {
        query: { propagationPolicy: 'Background', ...(grace !== undefined && { gracePeriodSeconds: grace }) },
      })
    } catch (error) {
      if (!isStatus(error, 404)) throw error
    }
  }

  /** Waits until it is gone, or another one has its name. `look` sees it meanwhile. For pods see {@link podGone}. */
  async gone<K extends 'claims' | 'statefulSets' | 'pods'>(
    kind: K,
    name: string,
    signal: AbortSignal,
    look: (object: Kinds[K]) => void = () => undefined,
  ): Promise<void> {
    const first = await this.get(kind, name, signal)
    if (!first) return
    await followObject<Kinds[K]>(
      { client: this.#client, clock: this.#clock },
      this.#paths[kind],
      name,
      (object) => {
        if (!object || object.metadata?.uid !== first.metadata?.uid) return true
        look(object)
        return false
      },
      signal,
    )
  }

  /**
   * The same for a pod that has been deleted. Some kubelets (1.20) let one whose containers have all ended linger for
   * a minute, until they have swept up its sandbox: it is taken out of the way then, which ends no process. Rejects with
   * the Problem of a pod that does not end, because its node is lost or does not get it done.
   */
  async podGone(name: string, signal: AbortSignal, look?: (pod: V1Pod) => void): Promise<void> {
    const controller = new AbortController()
    const stop = AbortSignal.any([signal, controller.signal])
    const begun = this.#clock.now()
    let last: V1Pod | undefined
    let sweeping: Promise<void> | undefined
    const sweep = async (uid: string | undefined) => {
      await this.#clock.sleep(LINGERS, controller.signal)
      await this.#client.json('DELETE', this.#path('pods', name), {
        json: { gracePeriodSeconds: 0, ...(uid !== undefined && { preconditions: { uid } }) },
      })
    }
    try {
      const gone = this.gone('pods', name, stop, (pod) => {
        last = pod
        refuseStuck(pod, this.#clock.now() - begun)
        look?.(pod)
        // Gone since, or another one by now: what is waited for will see it.
        if (hasEnded(pod)) sweeping ??= sweep(pod.metadata?.uid).catch(() => undefined)
      })
      const overdue = (async () => {
        for (;;) {
          await this.#clock.sleep(LOOK_AGAIN, stop)
          if (last) refuseStuck(last, this.#clock.now() - begun)
        }
      })()
      overdue.catch(() => undefined)
      await Promise.race([gone, overdue])
    } finally {
      controller.abort()
      await sweeping
    }
  }

  /** Ends the pods of a workspace and waits until they are gone. */
  async endPods(id: string, signal: AbortSignal, look?: (pod: V1Pod) => void): Promise<void> {
    await Promise.all(
      [podName(id), filesPodName(id)].map(async (name) => {
        await this.delete('pods', name, BRIEF_GRACE)
        await this.podGone(name, signal, look)
      }),
    )
  }

  /** The pod that gives a way to the files of a stopped workspace keeps its volume from going to another node. */
  async endFilesPod(id: string, signal: AbortSignal): Promise<void> {
    await this.delete('pods', filesPodName(id), BRIEF_GRACE)
    await this.podGone(filesPodName(id), signal)
  }
}

/** `waited`: milliseconds since its end was asked for. */
function refuseStuck(pod: V1Pod, waited: number): void {
  const grace = (pod.metadata?.deletionGracePeriodSeconds ?? 0) * 1_000
  // By this machine's clock alone: the server's may be another one.
  const found = stuckProblem(pod, [], waited > grace + OVERDUE ? Number.POSITIVE_INFINITY : 0)
  const workspaceId = idOfName(pod.metadata?.name)
  if (found && workspaceId) throw problem(withRemedies(found, { workspaceId, pod, wanted: false }))
}

/** It was deleted, its node answers for it, and nothing of it runs or is about to. */
function hasEnded({ metadata, status }: V1Pod): boolean {
  const preparing = status?.initContainerStatuses ?? []
  const own = status?.containerStatuses ?? []
  if (metadata?.deletionTimestamp === undefined || status?.phase === 'Unknown' || own.length === 0)
    return false
  if ([...preparing, ...own].some(({ state }) => state?.running)) return false
  // One that has run waits for nothing, whatever its node writes of containers that it has removed.
  if (status?.phase !== 'Pending') return true
  // What waits for what failed before it does not begin any more.
  const failed = preparing.some(({ state }) => state?.terminated?.exitCode !== 0)
  return own.every(({ state }) => {
    const reason = state?.waiting?.reason
    if (reason === 'PodInitializing') return failed
    return state?.terminated !== undefined || (reason !== undefined && reason !== 'ContainerCreating')
  })
}

export function workspaceGone(id: string, kept: boolean): ProblemError {
  return problem({
    code: 'workspace-gone',
    title: kept ? 'The StatefulSet of the workspace is gone' : 'The workspace is gone',
    cause: kept
      ? 'It was removed outside Berth. The source and home folders are still there.'
      : 'The cluster has nothing of it.',
    remedy: kept ? 'Rebuild the workspace.' : 'Create it again.',
    ...(kept && {
      actions: [{ kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId: id }],
    }),
  })
}
