import type { V1Pod } from '@kubernetes/client-node'
import { problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import { MANAGED_BY } from '../../shared/description'
import { idleCommand } from '../../shared/idle'
import type { ApiClient } from '../api'
import { isStatus } from '../status'
import { rejectionOf } from '../transport/errors'
import { followObject } from '../watch/follow'
import { isRunning } from '../watch/pod-state'
import { filesPodName, labels, roles } from './anatomy'
import { PullMemory } from './image-problems'
import type { Described } from './locate'
import { little } from './look-amounts'
import type { Objects } from './objects'
import { onceCounted } from './once-counted'
import { filesPodSpec } from './pod'
import { judge } from './progress'

/** Milliseconds that a pod is kept for the next to want it. */
const LINGER = 3_000
/** Seconds after which a pod that was forgotten ends by itself. */
const LIFE = 3_600

/** A pod in use; `release` when done. */
export interface FilesPod {
  readonly pod: string
  release(): void
}

/**
 * Pods that have the source and home of workspaces which do not run, for as long as somebody wants their files. One
 * per workspace, whoever made it.
 */
export class FilesPods {
  readonly #client: ApiClient
  readonly #objects: Objects
  readonly #platform: Platform
  readonly #users = new Map<string, number>()
  readonly #closing = new Map<string, AbortController>()

  constructor(client: ApiClient, objects: Objects, platform: Platform) {
    this.#client = client
    this.#objects = objects
    this.#platform = platform
  }

  /** Rejects with a Problem, or with a raw error. */
  async open(id: string, described: Described, signal: AbortSignal): Promise<FilesPod> {
    if (!described.hasShell) {
      throw problem({
        code: 'no-shell',
        title: 'The files of the workspace cannot be reached',
        cause: 'Its image has no shell, and without one a cluster gives no way to files.',
        remedy: 'Choose an image with a shell.',
      })
    }
    this.#users.set(id, (this.#users.get(id) ?? 0) + 1)
    this.#closing.get(id)?.abort()
    let released = false
    const release = () => {
      if (released) return
      released = true
      const users = (this.#users.get(id) ?? 1) - 1
      this.#users.set(id, users)
      if (users === 0) void this.#closeLater(id)
    }
    try {
      await this.#make(id, described, signal)
      await this.#comeUp(id, signal)
      return { pod: filesPodName(id), release }
    } catch (error) {
      release()
      throw error
    }
  }

  async #make(id: string, { template }: Described, signal: AbortSignal): Promise<void> {
    const podOf = (amounts: Parameters<typeof filesPodSpec>[2]): V1Pod => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: filesPodName(id),
        namespace: this.#client.identity.namespace,
        labels: { [labels.managedBy]: MANAGED_BY, [labels.workspace]: id, [labels.role]: roles.files },
      },
      spec: { ...filesPodSpec(template, idleCommand(), amounts), activeDeadlineSeconds: LIFE },
    })
    const createOnce = async () => {
      try {
        await this.#objects.createPod(podOf({}))
      } catch (error) {
        // A quota may want to be told, and the defaults of a LimitRange may be too much for what is left.
        if (rejectionOf(error)?.kind !== 'quota') throw error
        await this.#objects.createPod(podOf(little))
      }
    }
    // The workspace's own pod, which has just ended, may still be counted.
    const create = () => onceCounted(this.#platform.clock, createOnce, signal)
    try {
      await create()
    } catch (error) {
      if (!isStatus(error, 409)) throw error
      const there = await this.#objects.get('pods', filesPodName(id))
      if (there && !there.metadata?.deletionTimestamp && there.status?.phase !== 'Failed') return
      await this.#objects.delete('pods', filesPodName(id), 1)
      await this.#objects.podGone(filesPodName(id), AbortSignal.timeout(60_000))
      await create()
    }
  }

  async #comeUp(id: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#platform
    const pulls = new PullMemory(clock)
    await followObject<V1Pod>(
      { client: this.#client, clock },
      this.#objects.paths.pods,
      filesPodName(id),
      (pod) => {
        if (isRunning(pod)) return true
        const { problem: hopeless } = judge({ pod, events: [], unscheduled: 0, pulls: pulls.look(pod, []) })
        if (hopeless) throw problem(hopeless)
        return false
      },
      signal,
    )
  }

  async #closeLater(id: string): Promise<void> {
    const controller = new AbortController()
    this.#closing.set(id, controller)
    try {
      await this.#platform.clock.sleep(LINGER, controller.signal)
      await this.#close(id)
    } catch {
      // Wanted again, or closed by `dispose`.
    }
  }

  async #close(id: string): Promise<void> {
    this.#closing.delete(id)
    this.#users.delete(id)
    try {
      await this.#objects.delete('pods', filesPodName(id), 1)
    } catch (error) {
      this.#platform.logger.warn('kubernetes: a pod could not be removed', { id, error: String(error) })
    }
  }

  /** Ends all pods that this process has opened. */
  async dispose(): Promise<void> {
    for (const controller of this.#closing.values()) controller.abort()
    await Promise.all([...this.#users.keys()].map((id) => this.#close(id)))
  }
}
