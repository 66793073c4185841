import type { V1Pod } from '@kubernetes/client-node'
import { ProblemError, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import { DISK_FULL, dataScript } from '../../shared/data-script'
import { MANAGED_BY } from '../../shared/description'
import type { ApiClient } from '../api'
import { type ExecDependencies, startExec } from '../streams/exec'
import { rejectionOf } from '../transport/errors'
import { followObject } from '../watch/follow'
import { labels, podName, roles } from '../workspace/anatomy'
import { PullMemory } from '../workspace/image-problems'
import { little } from '../workspace/look-amounts'
import { type Objects, workspaceGone } from '../workspace/objects'
import { onceCounted } from '../workspace/once-counted'
import { judge } from '../workspace/progress'
import { dataPodName, dataPodOf, isUp } from './pod'

/** Milliseconds that the pod may take to come up, and to go. */
const PATIENCE = 180_000

export interface DataPodDependencies {
  readonly client: ApiClient
  readonly objects: Objects
  readonly platform: Platform
  readonly exec: ExecDependencies
}

/** A pod that has the whole volume of a workspace, for as long as somebody copies data. */
export class OpenDataPod {
  readonly #dependencies: DataPodDependencies
  readonly #id: string
  readonly #containers: ReadonlyMap<string, string>

  constructor(dependencies: DataPodDependencies, id: string, containers: ReadonlyMap<string, string>) {
    this.#dependencies = dependencies
    this.#id = id
    this.#containers = containers
  }

  /** Where a volume can be copied. */
  placeOf(volume: string): { readonly pod: string; readonly container: string } {
    const container = this.#containers.get(volume)
    if (container === undefined) throw new Error(`no container has the volume ${volume}`)
    return { pod: dataPodName(this.#id), container }
  }

  /** The volumes that each of its containers sees to. */
  groups(): readonly (readonly string[])[] {
    const groups = new Map<string, string[]>()
    for (const [volume, container] of this.#containers)
      groups.set(container, [...(groups.get(container) ?? []), volume])
    return [...groups.values()]
  }

  /** Runs a shell script in the container of a volume; gives the lines that it printed. */
  async run(
    volume: string,
    script: string,
    args: readonly string[],
    title: string,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    signal.throwIfAborted()
    const { pod, container } = this.placeOf(volume)
    const command = ['/bin/sh', '-c', script, 'berth', ...args]
    const running = await startExec(this.#dependencies.exec, pod, container, { command }, signal)
    const end = () => running.destroy()
    signal.addEventListener('abort', end, { once: true })
    try {
      running.stdin.end()
      const [said, complaint, { code, problem: lost }] = await Promise.all([
        textOf(running.stdout),
        textOf(running.stderr),
        running.exit,
      ])
      signal.throwIfAborted()
      if (lost) throw new ProblemError(lost)
      if (code === 0) return said.split('\n').filter(Boolean)
      throw copyFailure(code, complaint || said, title)
    } finally {
      signal.removeEventListener('abort', end)
      running.destroy()
    }
  }

  /** Runs {@link dataScript}. */
  copy(
    volume: string,
    verb: 'snapshot' | 'prepare' | 'finish' | 'mend',
    places: readonly string[],
    title: string,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    return this.run(volume, dataScript, [verb, ...places], title, signal)
  }

  /** Never rejects: a pod that is left ends by itself after an hour, and goes with its workspace. */
  async close(): Promise<void> {
    const { objects, platform } = this.#dependencies
    try {
      await endDataPod(objects, this.#id, AbortSignal.timeout(PATIENCE))
    } catch (error) {
      platform.logger.warn('kubernetes: a pod could not be removed', { id: this.#id, error: String(error) })
    }
  }
}

/** Ends the pod that copies data of a workspace, and waits until it is gone. */
export async function endDataPod(objects: Objects, id: string, signal: AbortSignal): Promise<void> {
  await objects.delete('pods', dataPodName(id), 1)
  await objects.podGone(dataPodName(id), signal)
}

/** Rejects with a Problem, or with raw errors; no pod is left then. */
export async function openDataPod(
  dependencies: DataPodDependencies,
  id: string,
  volumes: readonly string[],
  signal: AbortSignal,
): Promise<OpenDataPod> {
  const { client, objects, platform } = dependencies
  const [{ statefulSet, claim }, own] = await Promise.all([
    objects.of(id, signal),
    objects.get('pods', podName(id), signal),
  ])
  const template = statefulSet?.spec?.template.spec
  if (!template) throw workspaceGone(id, claim !== undefined)
  const node = own?.metadata?.deletionTimestamp === undefined ? own?.spec?.nodeName : undefined
  // It may hold the volume on another node.
  await objects.endFilesPod(id, signal)
  await endDataPod(objects, id, signal)
  const make = async (amounts: Parameters<typeof dataPodOf>[3]) => {
    const { spec, containerOf } = dataPodOf(template, volumes, node, amounts)
    await objects.createPod({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: dataPodName(id),
        namespace: client.identity.namespace,
        labels: { [labels.managedBy]: MANAGED_BY, [labels.workspace]: id, [labels.role]: roles.files },
      },
      spec,
    })
    return new OpenDataPod(dependencies, id, containerOf)
  }
  signal.throwIfAborted()
  const makeOnce = () =>
    make({}).catch((error: unknown) => {
      if (rejectionOf(error)?.kind !== 'quota') throw error
      return make(little)
    })
  const opened = await onceCounted(platform.clock, makeOnce, signal)
  const pulls = new PullMemory(platform.clock)
  const limit = AbortSignal.timeout(PATIENCE)
  try {
    await followObject<V1Pod>(
      { client, clock: platform.clock },
      objects.paths.pods,
      dataPodName(id),
      (pod) => {
        if (!pod) return false
        if (isUp(pod)) return true
        const { problem: hopeless } = judge({ pod, events: [], unscheduled: 0, pulls: pulls.look(pod, []) })
        if (hopeless) throw problem(hopeless)
        return false
      },
      AbortSignal.any([signal, limit]),
    )
    return opened
  } catch (error) {
    await opened.close()
    if (!limit.aborted || signal.aborted) throw error
    throw problem(
      {
        code: 'volume-pending',
        title: 'The data cannot be reached',
        cause:
          'The pod that copies it does not come up: its node may have no room, or the volume be held elsewhere.',
        remedy: 'Stop the workspace, and try again.',
      },
      error,
    )
  }
}

async function textOf(stream: AsyncIterable<unknown> | null): Promise<string> {
  let text = ''
  try {
    for await (const chunk of stream ?? []) text = (text + (chunk as Buffer).toString('utf8')).slice(-16_384)
  } catch {
    // Given up: its exit says why.
  }
  return text.trim()
}

function copyFailure(code: number | null, words: string, title: string): ProblemError {
  if (code === DISK_FULL)
    return problem({
      code: 'disk-full',
      title,
      cause: "The workspace's volume has no room for a copy of the data.",
      remedy: 'Remove snapshots, or grow the volume, and try again.',
      detail: words,
    })
  const isDenied = /permission denied|not permitted|read-only/i.test(words)
  return problem({
    code: isDenied ? 'permission-denied' : 'file-failed',
    title,
    cause: isDenied
      ? 'Whom the service runs as may not write to that part of the volume.'
      : `Copying it ended with code ${code ?? 'unknown'}.`,
    remedy: 'The data is as it was before. The detail has what the copy said.',
    detail: words || 'It said nothing.',
  })
}
