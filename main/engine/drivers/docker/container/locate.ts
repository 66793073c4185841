import { problem } from '#contract'
import type { ContainerSummary, VolumeList, VolumeSummary } from '../api'
import type { EngineClient } from '../client'
import { isStatus } from '../problems'
import { labels, type Phase, phaseOf, workspaceFilter } from './anatomy'

/** Milliseconds for an answer that needs no work; an engine that is silent for longer hangs. */
export const QUICK = 30_000

export interface Located {
  readonly containerId: string
  readonly phase: Phase
  readonly name: string
  readonly summary: ContainerSummary
}

/** Finds a workspace's containers and volumes by their labels, and remembers which container speaks for it. */
export class Locator {
  readonly #client: EngineClient
  readonly #known = new Map<string, string>()
  readonly #shells = new Map<string, boolean>()

  constructor(client: EngineClient) {
    this.#client = client
  }

  /** All containers of a workspace, the one that verbs address first. */
  async containers(id: string, signal?: AbortSignal): Promise<Located[]> {
    const found = await this.#client.json<ContainerSummary[]>('GET', '/containers/json', {
      query: { all: true, filters: JSON.stringify({ label: [workspaceFilter(id)] }) },
      timeout: QUICK,
      ...(signal && { signal }),
    })
    const order: readonly Phase[] = ['uncommitted', 'committed', 'replaced']
    const located = found
      .filter((summary) => summary.State !== 'removing')
      .map((summary): Located => {
        const name = (summary.Names[0] ?? '').replace(/^\//, '')
        return { containerId: summary.Id, name, phase: phaseOf(name, id), summary }
      })
      .sort((left, right) => order.indexOf(left.phase) - order.indexOf(right.phase))
    const first = located[0]
    if (first) this.note(id, first.containerId, hasShell(first.summary))
    else this.#known.delete(id)
    return located
  }

  async volumes(id: string, signal?: AbortSignal): Promise<readonly VolumeSummary[]> {
    const list = await this.#client.json<VolumeList>('GET', '/volumes', {
      query: { filters: JSON.stringify({ label: [workspaceFilter(id)] }) },
      timeout: QUICK,
      ...(signal && { signal }),
    })
    return list.Volumes ?? []
  }

  /** The container that verbs address. Rejects with `workspace-gone` when there is none. */
  async containerId(id: string, signal?: AbortSignal): Promise<string> {
    const known = this.#known.get(id)
    if (known) return known
    const [first] = await this.containers(id, signal)
    if (first) return first.containerId
    throw problem({
      code: 'workspace-gone',
      title: 'The workspace has no container',
      cause: 'Its container is not there any more.',
      remedy: 'Rebuild the workspace: its source and home folders are kept.',
      actions: [{ kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId: id }],
    })
  }

  /**
   * Runs `action` on the container that speaks for a workspace. When the engine says that it is gone or not running,
   * another Berth may have replaced it: then the one of now gets a try.
   */
  async with<T>(id: string, action: (containerId: string) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const known = this.#known.get(id)
    const containerId = known ?? (await this.containerId(id, signal))
    try {
      return await action(containerId)
    } catch (error) {
      if (!known || !isStatus(error, 404, 409)) throw error
      const now = (await this.containers(id, signal))[0]?.containerId
      if (now === undefined) return this.containerId(id, signal).then(action)
      if (now === known) throw error
      return action(now)
    }
  }

  /** Whether the container that speaks for a workspace is known to have /bin/sh. */
  hasShell(id: string): boolean {
    return this.#shells.get(id) ?? false
  }

  note(id: string, containerId: string, shell: boolean): void {
    this.#known.set(id, containerId)
    this.#shells.set(id, shell)
  }

  forget(id?: string): void {
    if (id === undefined) this.#known.clear()
    else this.#known.delete(id)
  }
}

/** The user's login shell is in the labels, where the image has any. */
function hasShell(summary: ContainerSummary): boolean {
  try {
    const user: unknown = JSON.parse(summary.Labels?.[labels.user] ?? '{}')
    return typeof user === 'object' && user !== null && 'shell' in user
  } catch {
    return false
  }
}
