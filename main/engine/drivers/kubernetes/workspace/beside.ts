import type { V1ObjectMeta } from '@kubernetes/client-node'
import {
  type ClusterObject,
  clusterObjectRight,
  type Definition,
  grantedRights,
  type Problem,
  ProblemError,
  problem,
} from '#contract'
import type { StepReport } from '../../driver'
import type { ApiClient } from '../api'
import { isStatus } from '../status'
import { labels, objectName, readAnnotations } from './anatomy'

/** Says whose an object is; Berth's own labels would make others of these things take it for a part of a workspace. */
const BESIDE = 'berth.dev/beside'

/** As the server describes the objects that it has (meta/v1, APIResource). */
interface Resource {
  readonly name: string
  readonly kind: string
  readonly namespaced: boolean
}

interface Found {
  readonly metadata?: {
    readonly uid?: string
    readonly ownerReferences?: readonly { readonly uid?: string }[]
  }
  readonly status?: {
    readonly phase?: string
    readonly conditions?: readonly { readonly type?: string; readonly status?: string }[]
  }
}

/** An object of the cluster that describes a workspace. */
interface Described {
  readonly metadata?: V1ObjectMeta
}

/** For what nobody waits for. */
const silent: StepReport = { detail: () => undefined, progress: () => undefined, output: () => undefined }

function objectsIn(described: Described | undefined): readonly ClusterObject[] {
  const definition = readAnnotations(described?.metadata)?.definition
  return definition ? allowedObjects(definition) : []
}

/** What is needed of the API server. */
export type BesideClient = Pick<ApiClient, 'identity' | 'json' | 'apply'>

/** The objects of a definition that the user allowed. */
export function allowedObjects({
  clusterObjects = [],
  container,
}: Pick<Definition, 'clusterObjects' | 'container'>): readonly ClusterObject[] {
  const granted = new Set(grantedRights(container).map(({ kind, value }) => `${kind} ${value}`))
  return clusterObjects.filter((object) => {
    const { kind, value } = clusterObjectRight(object)
    return granted.has(`${kind} ${value}`)
  })
}

/**
 * Objects beside a workspace. They are owned by its volume's claim, so that the cluster removes them with it, whoever
 * does that.
 */
export class ObjectsBeside {
  readonly #client: BesideClient
  readonly #resources = new Map<string, Promise<readonly Resource[]>>()

  constructor(client: BesideClient) {
    this.#client = client
  }

  /**
   * Makes `wanted` what there is, but for those that are made on demand, which stay as they are; those of `before` that
   * are not wanted go. Rejects with `create-failed` where the cluster has no such objects, or somebody else has one of
   * the name.
   */
  async make(
    id: string,
    claimUid: string | undefined,
    wanted: readonly ClusterObject[],
    before: readonly ClusterObject[],
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    if (claimUid === undefined || (wanted.length === 0 && before.length === 0)) return
    for (const object of wanted.filter(({ onDemand }) => !onDemand)) {
      signal.throwIfAborted()
      await this.#apply(id, object, claimUid, report)
    }
    const kept = new Set(wanted.map(identityOf))
    for (const object of before.filter((one) => !kept.has(identityOf(one)))) {
      signal.throwIfAborted()
      await this.#remove(object, claimUid)
    }
  }

  /**
   * Takes away what the replacement of a workspace has none of, once it is to stay: what was in it could not be brought
   * back. The claim tells what there was, and the StatefulSet what there is.
   */
  async settle(
    id: string,
    claim: Described | undefined,
    replacement: Described,
    signal: AbortSignal,
  ): Promise<void> {
    const kept = new Set(objectsIn(replacement).map(identityOf))
    const gone = objectsIn(claim).filter((one) => !kept.has(identityOf(one)))
    await this.make(id, claim?.metadata?.uid, [], gone, silent, signal)
  }

  /** What there was before a replacement that is taken back, and no more. */
  async putBack(
    id: string,
    claim: Described | undefined,
    replacement: Described,
    signal: AbortSignal,
  ): Promise<void> {
    await this.make(id, claim?.metadata?.uid, objectsIn(claim), objectsIn(replacement), silent, signal)
  }

  /**
   * Makes objects, or makes those that are there what they are to be. A Job or a Pod that has come to its end begins
   * anew. Rejects as `make` does.
   */
  async put(
    id: string,
    claimUid: string,
    objects: readonly ClusterObject[],
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    for (const object of objects) {
      signal.throwIfAborted()
      await this.#apply(id, object, claimUid, report, { anew: true })
    }
  }

  async #apply(
    id: string,
    object: ClusterObject,
    claimUid: string,
    report: StepReport,
    { anew }: { readonly anew: boolean } = { anew: false },
  ): Promise<void> {
    report.detail(`Making ${titleOf(object)}`)
    const path = await this.#path(object)
    const found = await this.#own(path, object, claimUid)
    if (anew && found && hasEnded(object, found)) await this.#takeAway(path, found)
    await this.#client.apply(path, {
      ...object.manifest,
      metadata: {
        ...metadataOf(object),
        namespace: this.#client.identity.namespace,
        ownerReferences: [
          { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: objectName(id), uid: claimUid },
        ],
      },
    })
  }

  /** What has ended waits for nothing. Its pods, of a Job, go after it. */
  async #takeAway(path: string, { metadata }: Found): Promise<void> {
    try {
      await this.#client.json('DELETE', path, {
        json: {
          propagationPolicy: 'Background',
          gracePeriodSeconds: 0,
          ...(metadata?.uid !== undefined && { preconditions: { uid: metadata.uid } }),
        },
      })
    } catch (error) {
      if (!isStatus(error, 404)) throw error
    }
  }

  async #own(path: string, object: ClusterObject, claimUid: string): Promise<Found | undefined> {
    const found = await this.#find(path)
    if (!found || isOwned(found, claimUid)) return found
    throw refused(
      object,
      `The namespace ${this.#client.identity.namespace} has one already, which does not belong to this workspace.`,
      'Delete or rename that one, choose another namespace, or make the workspace without what it asks for. Another workspace of the same repository has objects of the same names.',
    )
  }

  /** One that is somebody else's by now stays. */
  async #remove(object: ClusterObject, claimUid: string): Promise<void> {
    const place = await this.#seek(object)
    if (!place || !isOwned(place.found, claimUid)) return
    const { path } = place
    try {
      await this.#client.json('DELETE', path, { query: { propagationPolicy: 'Background' } })
    } catch (error) {
      if (!isStatus(error, 404)) throw error
    }
  }

  /** One that is made on demand may never have been made, by somebody who may not even look for it. */
  async #seek(object: ClusterObject): Promise<{ readonly path: string; readonly found: Found } | undefined> {
    try {
      const path = await this.#path(object)
      const found = await this.#find(path)
      return found && { path, found }
    } catch (error) {
      const isUnknown = error instanceof ProblemError && error.problem.code === 'create-failed'
      if (object.onDemand && (isUnknown || isStatus(error, 403))) return undefined
      throw error
    }
  }

  async #find(path: string): Promise<Found | undefined> {
    try {
      return await this.#client.json<Found>('GET', path)
    } catch (error) {
      if (isStatus(error, 404)) return undefined
      throw error
    }
  }

  async #path(object: ClusterObject): Promise<string> {
    const { apiVersion, kind, name } = object
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const resource = (await this.#served(root)).find((one) => one.kind === kind && !one.name.includes('/'))
    if (!resource)
      throw refused(
        object,
        `The cluster knows no ${kind} of ${apiVersion}.`,
        'Ask whoever runs it to install what defines it, or make the workspace without what it asks for.',
      )
    if (!resource.namespaced)
      throw refused(
        object,
        `A ${kind} belongs to the whole cluster, and a workspace to one namespace.`,
        'Take it out of the definition, or make the workspace without what it asks for.',
      )
    const { namespace } = this.#client.identity
    return `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.name}/${encodeURIComponent(name)}`
  }

  #served(root: string): Promise<readonly Resource[]> {
    const known = this.#resources.get(root)
    if (known) return known
    const asked = this.#client
      .json<{ readonly resources?: readonly Resource[] }>('GET', root)
      .then(({ resources = [] }) => resources)
      .catch((error: unknown) => {
        if (isStatus(error, 404)) return []
        throw error
      })
    // What is installed later is found then.
    asked.then(
      (resources) => resources.length === 0 && this.#resources.delete(root),
      () => this.#resources.delete(root),
    )
    this.#resources.set(root, asked)
    return asked
  }
}

/** Labels by which Berth finds what is its own are taken from it. */
function metadataOf({ manifest, name }: ClusterObject): Record<string, unknown> {
  const metadata = recordOf(manifest.metadata)
  const given = Object.entries(recordOf(metadata.labels))
  const plain = given.filter(([key]) => key !== labels.managedBy && !key.startsWith('berth.dev/'))
  return { ...metadata, name, labels: { ...Object.fromEntries(plain), [BESIDE]: 'true' } }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

const identityOf = ({ apiVersion, kind, name }: ClusterObject) =>
  `${apiVersion.split('/')[0]} ${kind} ${name}`
const titleOf = ({ kind, name }: ClusterObject) => `the ${kind} "${name}"`
const isOwned = ({ metadata }: Found, uid: string) =>
  metadata?.ownerReferences?.some((owner) => owner.uid === uid) === true

/** Whether it was to run to its end, and has (batch/v1, JobCondition; core/v1, PodPhase). */
function hasEnded({ apiVersion, kind }: ClusterObject, { status }: Found): boolean {
  if (kind === 'Pod' && apiVersion === 'v1')
    return status?.phase === 'Succeeded' || status?.phase === 'Failed'
  if (kind !== 'Job' || !apiVersion.startsWith('batch/')) return false
  const ends = status?.conditions?.filter(({ type }) => type === 'Complete' || type === 'Failed') ?? []
  return ends.some((one) => one.status === 'True')
}

function refused(object: ClusterObject, cause: string, remedy: string): Error {
  const told: Problem = {
    code: 'create-failed',
    title: `${titleOf(object).replace(/^t/, 'T')} could not be made`,
    cause,
    remedy,
  }
  return problem(told)
}
