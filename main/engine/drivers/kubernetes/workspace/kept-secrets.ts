import type { V1Secret } from '@kubernetes/client-node'
import { MANAGED_BY } from '../../shared/description'
import { keptSecretName, labels, objectName } from './anatomy'
import type { Objects } from './objects'

/** The Secret of a workspace that keeps its user's variables. It goes with the workspace's volume, whoever removes that. */
export function keptSecret(
  id: string,
  namespace: string,
  claimUid: string | undefined,
  values: Readonly<Record<string, string>>,
): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name: keptSecretName(id),
      namespace,
      labels: { [labels.managedBy]: MANAGED_BY, [labels.workspace]: id },
      ...(claimUid !== undefined && {
        ownerReferences: [
          { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: objectName(id), uid: claimUid },
        ],
      }),
    },
    data: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('base64')]),
    ),
  }
}

/** What it holds; empty where there is none. Rejects with a raw error. */
export async function readKept(
  objects: Objects,
  id: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const secret = await objects.get('secrets', keptSecretName(id), signal)
  return Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([name, value]) => [
      name,
      Buffer.from(value, 'base64').toString('utf8'),
    ]),
  )
}

/** In place of what it held; none is left where there is nothing to hold. Rejects with a raw error. */
export async function writeKept(
  objects: Objects,
  id: string,
  values: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  if (Object.keys(values).length === 0) return objects.delete('secrets', keptSecretName(id))
  const { claim } = await objects.of(id, signal)
  signal.throwIfAborted()
  const secret = keptSecret(id, objects.namespace, claim?.metadata?.uid, values)
  await objects.apply('secrets', secret)
  // Applying takes away what Berth itself has put there, and leaves what others have: those names go as well.
  const there = Object.keys(await readKept(objects, id, signal))
  const gone = there.filter((name) => !Object.hasOwn(values, name))
  if (gone.length > 0)
    await objects.patch('secrets', keptSecretName(id), {
      data: Object.fromEntries(gone.map((name) => [name, null])),
    })
}
