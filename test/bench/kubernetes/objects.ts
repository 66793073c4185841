import { imageDefinition } from '#contract'
import { annotations, objectName, paths } from '../../../main/engine/drivers/kubernetes/workspace/anatomy'
import { planWorkspace } from '../../../main/engine/drivers/kubernetes/workspace/manifests'
import { newWorkspaceId } from '../../../main/engine/workspaces/source/name'
import { TEST_IMAGES } from '../../harness/images'
import type { BareApi } from './api'

/**
 * A class and a volume that there are not. The claims stay unbound; with the volume named, the controller leaves them be,
 * and does not tell of each of them by an event every quarter of a minute for ever.
 */
const NONE = 'berth-bench-none'
/** Milliseconds between looks at whether the controllers are done. */
const LOOK_EVERY = 5_000
/** Milliseconds that they may take: by their own limit they make some 20 calls a second. */
const SETTLE_WITHIN = 600_000
/** Calls at once where objects are made in number. */
const AT_ONCE = 16

export interface Named {
  readonly id: string
  readonly name: string
}

/** The objects of workspaces that are stopped, as Berth makes them, without Berth: no pod, no volume. */
export class StoppedWorkspaces {
  readonly #api: BareApi
  readonly #namespace: string

  constructor(api: BareApi, namespace: string) {
    this.#api = api
    this.#namespace = namespace
  }

  /** Makes one for each name. */
  async make(names: readonly string[]): Promise<readonly Named[]> {
    const made = names.map((name) => ({ id: newWorkspaceId(), name }))
    await inTurn(made, async ({ id, name }) => {
      const { claim, statefulSet } = objectsOf(this.#namespace, id, name)
      const at = paths(this.#namespace)
      await this.#api.call('POST', at.claims, claim)
      await this.#api.call('POST', at.statefulSets, statefulSet)
    })
    return made
  }

  /** Resolves when the controllers have done what there was to do for all of them: a cluster at rest. Rejects if late. */
  async settled(): Promise<void> {
    interface Observed {
      readonly status?: { readonly observedGeneration?: number; readonly currentRevision?: string }
    }
    const limit = Date.now() + SETTLE_WITHIN
    while (Date.now() < limit) {
      const { items } = await this.#api.call<{ readonly items: readonly Observed[] }>(
        'GET',
        paths(this.#namespace).statefulSets,
      )
      if (items.every(({ status }) => status?.observedGeneration && status.currentRevision)) return
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY))
    }
    throw new Error(`the cluster was not at rest after ${SETTLE_WITHIN / 60_000} minutes`)
  }

  async rename({ id }: Named, name: string): Promise<void> {
    const change = { metadata: { annotations: { [annotations.name]: name } } }
    const at = paths(this.#namespace)
    for (const path of [at.claims, at.statefulSets])
      await this.#api.call('PATCH', `${path}/${objectName(id)}`, change, 'application/merge-patch+json')
  }

  async remove(workspaces: readonly Named[]): Promise<void> {
    await inTurn(workspaces, async ({ id }) => {
      const at = paths(this.#namespace)
      const claim = `${at.claims}/${objectName(id)}`
      await this.#api.call('DELETE', `${at.statefulSets}/${objectName(id)}?propagationPolicy=Background`)
      // Its protection is taken off by a controller, which has its own time after a restart of the server; till then it
      // is there, and rightly in the list.
      await this.#api.call('PATCH', claim, { metadata: { finalizers: null } }, 'application/merge-patch+json')
      await this.#api.call('DELETE', claim)
    })
  }

  /** Names by id of all that there is, as the API server says. */
  async truth(): Promise<ReadonlyMap<string, string>> {
    interface Listed {
      readonly metadata: {
        readonly labels?: Readonly<Record<string, string>>
        readonly annotations?: Readonly<Record<string, string>>
      }
    }
    const { items } = await this.#api.call<{ readonly items: readonly Listed[] }>(
      'GET',
      paths(this.#namespace).statefulSets,
    )
    return new Map(
      items.map(({ metadata }) => [
        metadata.labels?.['berth.dev/workspace'] ?? '',
        metadata.annotations?.[annotations.name] ?? '',
      ]),
    )
  }
}

async function inTurn<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await act(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

function objectsOf(namespace: string, id: string, name: string) {
  const image = TEST_IMAGES.debian
  const { claim, statefulSet } = planWorkspace(
    {
      id,
      name,
      owner: 'bench@localhost',
      source: { kind: 'image', image },
      definition: imageDefinition(image, name),
      image: {
        reference: image,
        id: 'sha256:1',
        user: { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash' },
        env: {},
        hasShell: true,
        services: {},
        imageUser: '',
        built: false,
      },
      createdAt: Date.now(),
    },
    { namespace, making: 'bench', options: { storageClass: NONE }, env: {}, secretName: objectName(id) },
  )
  const complete = { [annotations.complete]: 'true' }
  return {
    claim: { ...withAnnotations(claim, complete), spec: { ...claim.spec, volumeName: NONE } },
    statefulSet: withAnnotations(statefulSet, complete),
  }
}

function withAnnotations<T extends { metadata?: { annotations?: Record<string, string> } }>(
  object: T,
  more: Record<string, string>,
): T {
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, ...more } },
  }
}
