import type { CoreV1Event, V1PersistentVolumeClaim } from '@kubernetes/client-node'
import { type ProblemError, problem, type Volume } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { StepReport } from '../../driver'
import type { ApiClient } from '../api'
import { growthProblem } from '../diagnose/volume'
import { isStatus } from '../transport/errors'
import { follow, followObject } from '../watch/follow'
import { annotations, objectName, readOptions } from './anatomy'
import { type Objects, workspaceGone } from './objects'
import { quantityOf } from './quantity'
import { isGrown, volumeOf } from './volume'

const title = 'The volume cannot grow'

interface GrowthDependencies {
  readonly client: ApiClient
  readonly objects: Objects
  readonly clock: Clock
}

/** See {@link Driver.grow}. */
export async function growVolume(
  { client, objects, clock }: GrowthDependencies,
  id: string,
  storage: string,
  report: StepReport,
  signal: AbortSignal,
): Promise<Volume> {
  try {
    const { statefulSet, claim } = await objects.of(id, signal)
    if (!claim) throw workspaceGone(id, false)
    refuse(claim, storage)
    const name = objectName(id)
    signal.throwIfAborted()
    await ask(objects, claim, storage)
    // What a rebuild begins with; the claim itself is what counts.
    const told = statefulSet && readOptions(statefulSet.metadata)
    if (told) await objects.patch('statefulSets', name, annotated({ ...told, storage }))

    const controller = new AbortController()
    const stop = AbortSignal.any([signal, controller.signal])
    const dependencies = { client, clock }
    let seen = volumeOf(claim)
    const asking = { ...claim, spec: { ...claim.spec, resources: { requests: { storage } } } }
    const events = followFailures(dependencies, objects, asking, stop)
    try {
      await Promise.race([
        events,
        followObject<V1PersistentVolumeClaim>(
          dependencies,
          objects.paths.claims,
          name,
          (now) => {
            if (!now || now.metadata?.uid !== claim.metadata?.uid) throw workspaceGone(id, false)
            seen = volumeOf(now)
            report.detail(seen.waitsFor ?? '')
            // An answer from before the change was asked for says nothing of it.
            const asked = now.spec?.resources?.requests?.storage
            return asked !== undefined && quantityOf(asked) >= quantityOf(storage) && isGrown(seen)
          },
          stop,
        ),
      ])
    } finally {
      controller.abort()
      events.catch(() => undefined)
    }
    return seen
  } catch (error) {
    throw client.failure(error, title, signal)
  }
}

function annotated(options: object) {
  return { metadata: { annotations: { [annotations.options]: JSON.stringify(options) } } }
}

async function ask(objects: Objects, claim: V1PersistentVolumeClaim, storage: string): Promise<void> {
  const told = readOptions(claim.metadata)
  try {
    await objects.patch('claims', claim.metadata?.name ?? '', {
      ...(told && annotated({ ...told, storage })),
      spec: { resources: { requests: { storage } } },
    })
  } catch (error) {
    // The admission of the API server, PersistentVolumeClaimResize.
    if (!isStatus(error, 403) || !/must support resize|can be resized/.test(error.message)) throw error
    const { storageClassName } = claim.spec ?? {}
    throw problem(
      {
        code: 'unsupported',
        title,
        cause: storageClassName
          ? `Volumes of the storage class "${storageClassName}" keep the size that they were made with.`
          : 'It was made by hand, and such volumes keep their size.',
        remedy:
          'Ask whoever runs the cluster to allow expansion for this class. Or make a workspace with a larger volume, or of another class, and copy over what you need.',
        detail: error.message,
      },
      error,
    )
  }
}

/** What needs no asking. */
function refuse({ spec, status }: V1PersistentVolumeClaim, storage: string): void {
  const now = spec?.resources?.requests?.storage ?? '0'
  const size = status?.capacity?.storage
  if (status?.phase !== 'Bound') {
    throw problem({
      code: 'volume-pending',
      title,
      cause: 'It is not there yet: storage drivers grow only what they have made.',
      remedy: 'Wait until it has been made; many are made when the workspace starts first.',
    })
  }
  if (quantityOf(storage) < quantityOf(now)) throw shrinks(size ?? now, storage)
  if (size !== undefined && quantityOf(storage) < quantityOf(size)) throw shrinks(size, storage)
}

function shrinks(size: string, storage: string): ProblemError {
  return problem({
    code: 'invalid-input',
    title: 'A volume never shrinks',
    cause: `It has ${size}, or is about to, and ${storage} is less.`,
    remedy: 'Give a larger size.',
  })
}

/** Never resolves; rejects with the Problem when the storage driver says that it could not. `claim` as it asks by now. */
async function followFailures(
  dependencies: { readonly client: ApiClient; readonly clock: Clock },
  objects: Objects,
  claim: V1PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<never> {
  const { name, uid } = claim.metadata ?? {}
  let before: ReadonlyMap<string, string> | undefined
  const versions = (events: ReadonlyMap<string, CoreV1Event>) =>
    new Map([...events].map(([key, { metadata }]) => [key, metadata.resourceVersion ?? '']))
  await follow<CoreV1Event>(
    dependencies,
    {
      path: objects.paths.events,
      query: { fieldSelector: `involvedObject.name=${name ?? ''}` },
      look: (events) => {
        const known = before
        before ??= versions(events)
        const fresh = [...events].filter(
          ([key, { metadata, involvedObject }]) =>
            known && involvedObject.uid === uid && known.get(key) !== metadata.resourceVersion,
        )
        const found = growthProblem(
          claim,
          fresh.map(([, event]) => event),
        )
        if (found) throw problem(found)
        return false
      },
    },
    signal,
  ).catch((error: unknown) => {
    // Without a right to read events less is told, and the volume grows all the same.
    if (!isStatus(error, 403)) throw error
  })
  return new Promise<never>(() => undefined)
}
