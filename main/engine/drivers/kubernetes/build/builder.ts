import { Duplex } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import { type KubernetesOptions, type Problem, ProblemError, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { StepReport } from '../../driver'
import type { ApiClient } from '../api'
import { type ExecDependencies, runToEnd } from '../streams/exec'
import { openCommand } from '../streams/open-command'
import { rejectionOf } from '../transport/errors'
import { isRunning } from '../watch/pod-state'
import { labels, managedSelector, nonce, roles } from '../workspace/anatomy'
import { PullMemory } from '../workspace/image-problems'
import type { Objects } from '../workspace/objects'
import { judge } from '../workspace/progress'
import { BUILD_CONTAINER, builderPod, dialCommand, isForgotten, readyCommand } from './pod'

/** Milliseconds between two looks at what comes up, and for how long a daemon may not answer in a pod that runs. */
const LOOK_AGAIN = 500
const PATIENCE = 60_000

/** A daemon of BuildKit in a pod of its own. */
export interface Builder {
  /** A connection with it. */
  connect(signal: AbortSignal): Promise<Duplex>
  /** Why it is no more, where that is so. */
  ending(): Promise<Problem | undefined>
  /** Never rejects. */
  dispose(): Promise<void>
}

export interface BuilderDependencies {
  readonly client: ApiClient
  readonly objects: Objects
  readonly platform: Platform
  readonly exec: ExecDependencies
}

/** Makes one and waits until it answers. Rejects with a Problem or a raw error, and leaves nothing then. */
export async function openBuilder(
  dependencies: BuilderDependencies,
  image: string,
  options: KubernetesOptions,
  report: StepReport,
  signal: AbortSignal,
): Promise<Builder> {
  const { client, objects, platform, exec } = dependencies
  const name = `berth-build-${nonce()}`
  const place = { pod: name, container: BUILD_CONTAINER }
  const dispose = async () => {
    await objects.delete('pods', name, 0).catch((error: unknown) => {
      platform.logger.warn('kubernetes: a pod could not be removed', { name, error: String(error) })
    })
  }
  const ending = async () => {
    const pod = await objects.get('pods', name)
    return isUp(pod) ? undefined : endedProblem(pod)
  }
  report.detail('Starting the builder in the cluster')
  // Not aborted under way, so that it is known what there is to remove.
  await create(dependencies, builderPod(name, client.identity.namespace, image, options))
  try {
    await comeUp(dependencies, name, image, report, signal)
    await answers(dependencies, place, ending, signal)
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    ending,
    dispose,
    connect: async (until) => {
      const remote = await openCommand(client, exec.protocols, place, { command: dialCommand }, false, until)
      remote.stderr?.resume()
      void remote.ended.then(() => remote.finish())
      const duplex = Duplex.from({ readable: remote.stdout, writable: remote.stdin })
      duplex.once('close', () => remote.destroy())
      return duplex
    },
  }
}

async function create({ client, objects }: BuilderDependencies, pod: V1Pod): Promise<void> {
  try {
    await objects.createPod(pod)
  } catch (error) {
    const rejection = rejectionOf(error)
    if (rejection?.kind !== 'pod-security') throw error
    const { namespace } = client.identity
    throw problem(
      {
        code: 'admission-denied',
        title: 'The cluster does not let a builder run',
        cause: `The namespace "${namespace}" refuses its pod: ${rejection.reason}`,
        remedy: `BuildKit without root needs system calls that the baseline and restricted levels refuse. ${otherwise} Or have the namespace allow the privileged level.`,
        actions: [settings],
      },
      error,
    )
  }
}

async function comeUp(
  { objects, platform: { clock } }: BuilderDependencies,
  name: string,
  image: string,
  report: StepReport,
  signal: AbortSignal,
): Promise<void> {
  const begun = clock.now()
  const pulls = new PullMemory(clock)
  for (;;) {
    const pod = await objects.get('pods', name, signal)
    if (!pod) throw problem(endedProblem(pod))
    if (isRunning(pod)) return
    if (isOver(pod)) throw problem(endedProblem(pod))
    const { detail, problem: hopeless } = judge({
      pod,
      events: [],
      unscheduled: clock.now() - begun,
      pulls: pulls.look(pod, []),
    })
    report.detail(detail)
    if (hopeless) throw problem(unusable(hopeless, image))
    await clock.sleep(LOOK_AGAIN, signal)
  }
}

async function answers(
  { exec, platform: { clock } }: BuilderDependencies,
  place: { readonly pod: string; readonly container: string },
  ending: () => Promise<Problem | undefined>,
  signal: AbortSignal,
): Promise<void> {
  const until = clock.now() + PATIENCE
  for (;;) {
    const { exit, stderr } = await runToEnd(exec, place, readyCommand, signal)
    if (exit.code === 0) return
    const ended = await ending()
    if (ended) throw problem(ended)
    if (clock.now() > until) throw problem(silent(stderr || (exit.problem?.cause ?? '')))
    await clock.sleep(LOOK_AGAIN, signal)
  }
}

const settings = { kind: 'settings', label: 'Open the settings' } as const
const otherwise = 'Have a Docker engine build instead: in the settings, or with --builder.'

/** Why the pod does not come up, with the ways out that a builder has. */
function unusable(found: Problem, image: string): Problem {
  const isOfImage = /^(?:image-|registry-)/.test(found.code)
  if (!isOfImage) return { ...found, title: 'The builder in the cluster does not come up' }
  return {
    ...found,
    title: `The builder's image "${image}" could not be pulled`,
    remedy: `${otherwise} Or name an image of BuildKit that the cluster can pull: as the builder's image, or by an alias.`,
    actions: [settings],
  }
}

/** A daemon that says nothing for as long as {@link PATIENCE}. */
const silent = (detail: string): Problem => ({
  code: 'create-failed',
  title: 'The builder in the cluster does not answer',
  cause: 'Its pod runs, and BuildKit in it does not. Its image may be another one than that of BuildKit.',
  remedy: otherwise,
  detail,
  actions: [settings],
})

function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded'
}

function isUp(pod: V1Pod | undefined): pod is V1Pod {
  return pod !== undefined && pod.metadata?.deletionTimestamp === undefined && isRunning(pod)
}

function endedProblem(pod: V1Pod | undefined): Problem {
  const { terminated } = pod?.status?.containerStatuses?.[0]?.state ?? {}
  const base = { code: 'build-failed', title: 'The builder in the cluster ended' } as const
  if (terminated?.reason === 'OOMKilled')
    return {
      ...base,
      cause: 'It used more memory than it may have.',
      remedy: 'Give the workspace a higher limit for memory, which the builder has as well.',
    }
  const reason = pod?.status?.reason ?? terminated?.reason
  const said = terminated?.message?.trim()
  return {
    ...base,
    cause: pod
      ? `Its pod is over${reason ? `: ${reason}` : ''}${terminated ? `, code ${terminated.exitCode}` : ''}.`
      : 'Its pod was removed.',
    remedy: `Try again. ${otherwise}`,
    ...(said && { detail: said }),
    actions: [{ kind: 'retry', label: 'Try again' }],
  }
}

/** Takes away builders that have ended, and those of processes of this machine that are no more. Never rejects. */
export async function removeForgottenBuilders(
  { client, objects, platform }: Pick<BuilderDependencies, 'client' | 'objects' | 'platform'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { items = [] } = await client.json<{ items?: V1Pod[] }>('GET', objects.paths.pods, {
      query: { labelSelector: `${managedSelector},${labels.role}=${roles.build}` },
      signal,
    })
    for (const pod of items) if (isForgotten(pod)) await objects.delete('pods', pod.metadata?.name ?? '', 0)
  } catch (error) {
    if (!(error instanceof ProblemError))
      platform.logger.debug('kubernetes: builders could not be looked for', { error: String(error) })
  }
}
