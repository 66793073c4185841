import type { CoreV1Event, V1Pod, V1StatefulSet } from '@kubernetes/client-node'
import { cancelled, type Problem, ProblemError, problem } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { StepReport } from '../../driver'
import { runsIdle } from '../../shared/idle'
import type { ApiClient } from '../api'
import { inOrder, refusedCreation } from '../diagnose/events'
import { follow, followObject } from '../watch/follow'
import { incarnationOf, isLost, isRunning, podState, workspaceContainer } from '../watch/pod-state'
import { judgeServices } from '../watch/services'
import { filesPodName, objectName, podName, readAnnotations } from './anatomy'
import { hadNoLoginYet, mayStillPull, PullMemory, withWhy } from './image-problems'
import { type Objects, workspaceGone } from './objects'
import { longestGrace } from './pod'
import { judge } from './progress'

/**
 * Milliseconds in which an image's own command has to fail for `start` to say so: its node looks at its containers once
 * a second, and tells of what it saw a while later.
 */
const SETTLING = 3_000
/** The same for one that has failed already, and that its node has started anew. */
const SETTLING_AGAIN = 12_000
/** Milliseconds between two looks at what does not change, such as the time that there was no node. */
const LOOK_AGAIN = 1_000
/** Milliseconds that are waited for services of which nobody said that they must be well. */
const PATIENCE = 60_000
/** Milliseconds that a start which was given up waits for its pod to end. */
const GIVING_UP = 30_000

/** Says why a workspace is not well, better than one pod's status can. */
export type Explain = (id: string, signal: AbortSignal) => Promise<readonly Problem[]>

export interface RunningDependencies {
  readonly client: ApiClient
  readonly objects: Objects
  readonly clock: Clock
  readonly explain: Explain
  /** A pod of this image came up, and its node calls the image so. */
  readonly ran?: (image: string, imageId: string) => Promise<void>
}

/** The verbs of {@link Driver} that run workspaces. */
export class Running {
  readonly #dependencies: RunningDependencies

  constructor(dependencies: RunningDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * A pod that does not come up stays, and the cluster goes on trying: it is all that remembers why. Given up, the
   * start is taken back.
   */
  async start(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    const { client, objects } = this.#dependencies
    const title = 'The workspace could not be started'
    let scaled = false
    try {
      const [{ statefulSet, claim }, pod] = await Promise.all([
        objects.of(id, signal),
        objects.get('pods', podName(id), signal),
      ])
      if (!statefulSet) throw workspaceGone(id, claim !== undefined)
      const wanted = (statefulSet.spec?.replicas ?? 0) > 0
      const definition = readAnnotations(statefulSet.metadata)?.definition
      if (
        wanted &&
        isRunning(pod) &&
        !isLost(pod) &&
        !(definition && judgeServices(definition, pod).waitsFor.length)
      )
        return
      report.detail('Starting its pod')
      await objects.endFilesPod(id, signal)
      signal.throwIfAborted()
      // One that keeps failing gets a fresh attempt, without the pauses that its failures have earned.
      // One that its agent has ended is made anew as well.
      const isNew = wanted && pod && podState(pod, true).run
      if (isNew === 'failed' || isNew === 'stopped') await objects.delete('pods', podName(id), 1)
      const events = new Events()
      await this.#comeUp(id, statefulSet, events, report, signal, async () => {
        if (wanted) return
        scaled = true
        await objects.patch('statefulSets', objectName(id), { spec: { replicas: 1 } })
      })
    } catch (error) {
      if (!signal.aborted) throw client.failure(error, title)
      if (scaled) await this.#giveUp(id)
      throw cancelled('Starting the workspace')
    }
  }

  async #comeUp(
    id: string,
    statefulSet: V1StatefulSet,
    events: Events,
    report: StepReport,
    signal: AbortSignal,
    begin: () => Promise<void>,
  ): Promise<void> {
    const { client, objects, clock } = this.#dependencies
    const described = readAnnotations(statefulSet.metadata)
    const idle = described !== undefined && runsIdle(described.definition, described.user)
    const controller = new AbortController()
    const stop = AbortSignal.any([signal, controller.signal])
    let pod: V1Pod | undefined
    let unscheduledSince: number | undefined
    let refusedSince: number | undefined
    let standing: { readonly incarnation: string; readonly since: number } | undefined
    const memory = new PullMemory(clock)
    let said = ''
    let look: () => void = () => undefined
    const outcome = new Promise<'up' | Problem>((resolve) => {
      look = () => {
        const waits = pod?.status?.conditions?.some(
          ({ type, status }) => type === 'PodScheduled' && status === 'False',
        )
        unscheduledSince = waits ? (unscheduledSince ?? clock.now()) : undefined
        const unscheduled = unscheduledSince === undefined ? 0 : clock.now() - unscheduledSince
        const happened = events.since(pod)
        refusedSince =
          !pod && refusedCreation(happened) !== undefined ? (refusedSince ?? clock.now()) : undefined
        const refused = refusedSince === undefined ? 0 : clock.now() - refusedSince
        const pulls = memory.look(pod, happened)
        const { detail, problem: found } = judge({ pod, events: happened, unscheduled, refused, pulls })
        const incarnation = pod && incarnationOf(pod)
        if (standing?.incarnation !== incarnation)
          standing = incarnation === undefined ? undefined : { incarnation, since: clock.now() }
        const isUp = standing && (idle || clock.now() - standing.since >= settling(pod))
        const services = isUp && described && pod && judgeServices(described.definition, pod)
        const awaited = services ? services.waitsFor.join(', ') : ''
        const now = awaited === '' ? detail : `Waiting for ${awaited}`
        if (now !== said) report.detail(now)
        said = now
        if (found) return resolve(found)
        const hopeless = services ? services.problem : undefined
        if (pod && hopeless) {
          // The images of services are pulled while the workspace runs already.
          const mayPull = mayStillPull(pulls) || hadNoLoginYet(pod, happened, pulls)
          return mayPull ? undefined : resolve(withWhy(hopeless, pulls.why))
        }
        if (!standing || !isUp) return
        const patient = services && (services.must || clock.now() - standing.since < PATIENCE)
        if (awaited !== '' && patient) return
        if (awaited !== '') report.output(`Not well yet: ${awaited}\n`)
        resolve('up')
      }
    })
    const watching = [
      followObject<V1Pod>(
        { client, clock },
        objects.paths.pods,
        podName(id),
        (now) => {
          pod = now
          look()
          return false
        },
        stop,
      ),
      ...[objectName(id), podName(id)].map((name) =>
        follow<CoreV1Event>(
          { client, clock },
          {
            path: objects.paths.events,
            query: { fieldSelector: `involvedObject.name=${name}` },
            look: (now) => {
              events.take(name, now)
              look()
              return false
            },
          },
          stop,
        ).catch((error: unknown) => {
          // Without a right to read events a start says less, and succeeds all the same.
          if (!stop.aborted) report.output(`Events of the cluster cannot be read: ${String(error)}\n`)
          return new Promise<never>(() => undefined)
        }),
      ),
      (async () => {
        for (;;) {
          await clock.sleep(LOOK_AGAIN, stop)
          look()
        }
      })(),
    ]
    // Given up before they are waited for.
    for (const one of watching) one.catch(() => undefined)
    try {
      await begin()
      const result = await Promise.race([outcome, ...watching])
      if (result !== 'up') throw await this.#explained(id, result ?? undefined, signal)
      const imageId = pod && workspaceContainer(pod)?.imageID
      if (described && imageId) void this.#dependencies.ran?.(described.image, imageId)
    } finally {
      controller.abort()
    }
  }

  /** The fullest account of why it does not come up. */
  async #explained(id: string, found: Problem | undefined, signal: AbortSignal): Promise<ProblemError> {
    const all = await this.#dependencies.explain(id, signal).catch(() => [])
    const [first] = all
    if (first) return new ProblemError(first)
    return problem(
      found ?? {
        code: 'create-failed',
        title: 'The workspace could not be started',
        cause: 'Its pod does not come up.',
        remedy: 'Try again.',
      },
    )
  }

  async #giveUp(id: string): Promise<void> {
    const { objects } = this.#dependencies
    try {
      await objects.delete('pods', podName(id), 1)
      await objects.patch('statefulSets', objectName(id), { spec: { replicas: 0 } })
      await objects.podGone(podName(id), AbortSignal.timeout(GIVING_UP))
    } catch {
      // The workspace shows as what it is.
    }
  }

  async stop(
    id: string,
    { grace, force = false }: { readonly grace: number; readonly force?: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, objects } = this.#dependencies
    try {
      if (force) return await this.#end(id, report, signal)
      const { statefulSet, claim } = await objects.of(id, signal)
      if (!statefulSet) throw workspaceGone(id, claim !== undefined)
      report.detail('Asking its main process to end')
      signal.throwIfAborted()
      // The pod first, because who deletes it first says how long it may take; none is made anew while it ends.
      const definition = readAnnotations(statefulSet.metadata)?.definition
      const longest = definition ? longestGrace(definition, grace) : grace
      await objects.delete('pods', podName(id), Math.max(1, Math.ceil(longest / 1_000)))
      await objects.patch('statefulSets', objectName(id), { spec: { replicas: 0 } })
      await objects.podGone(podName(id), signal, (pod) => {
        const { run, reason } = podState(pod, false)
        if (run === 'stopping') report.detail(reason)
      })
    } catch (error) {
      throw client.failure(error, 'The workspace could not be stopped', signal)
    }
  }

  /**
   * Takes its pods out of the cluster, whether their node answers or not. What was being deleted goes with its last pod:
   * its StatefulSet is gone already then.
   */
  async #end(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    const { objects } = this.#dependencies
    const { statefulSet, claim } = await objects.of(id, signal)
    if (!statefulSet && !claim) throw workspaceGone(id, false)
    report.detail('Taking its pod out of the cluster')
    signal.throwIfAborted()
    // Before the pod, which would be made anew elsewhere.
    if (statefulSet) await objects.patch('statefulSets', objectName(id), { spec: { replicas: 0 } })
    await Promise.all(
      [podName(id), filesPodName(id)].map(async (name) => {
        await objects.delete('pods', name, 0)
        await objects.podGone(name, signal)
      }),
    )
  }
}

function settling(pod: V1Pod | undefined): number {
  return pod && workspaceContainer(pod)?.restartCount ? SETTLING_AGAIN : SETTLING
}

/** Events of some objects, but those that had happened before. */
class Events {
  readonly #before = new Map<string, ReadonlyMap<string, string>>()
  readonly #now = new Map<string, ReadonlyMap<string, CoreV1Event>>()

  take(about: string, events: ReadonlyMap<string, CoreV1Event>): void {
    if (!this.#before.has(about))
      this.#before.set(
        about,
        new Map([...events].map(([name, { metadata }]) => [name, metadata.resourceVersion ?? ''])),
      )
    this.#now.set(about, events)
  }

  /** What came after the first look, and all that is about this very pod: the first look may have come late. */
  since(pod: V1Pod | undefined): readonly CoreV1Event[] {
    const uid = pod?.metadata?.uid
    const recent = [...this.#now].flatMap(([about, events]) =>
      [...events].filter(
        ([name, { metadata, involvedObject }]) =>
          this.#before.get(about)?.get(name) !== metadata.resourceVersion ||
          (uid !== undefined && involvedObject.uid === uid),
      ),
    )
    return inOrder(recent.map(([, event]) => event))
  }
}
