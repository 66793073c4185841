import type { V1ConfigMap } from '@kubernetes/client-node'
import type { ApiClient } from '../api'
import { isStatus } from '../status'

/** A team's policy is in this ConfigMap of the namespace, under this key. */
const NAME = 'berth-policy'
const KEY = 'berth.yaml'

/** See {@link ClusterVerbs}. A ConfigMap without the key is an empty policy, which is a mistake. Rejects with raw errors. */
export async function readPolicyText(
  client: ApiClient,
  signal: AbortSignal,
): Promise<{ readonly kind: 'none' | 'forbidden' } | { readonly kind: 'found'; readonly text: string }> {
  const path = `/api/v1/namespaces/${encodeURIComponent(client.identity.namespace)}/configmaps/${NAME}`
  try {
    const found = await client.json<V1ConfigMap>('GET', path, { signal })
    return { kind: 'found', text: found.data?.[KEY] ?? '' }
  } catch (error) {
    if (isStatus(error, 404)) return { kind: 'none' }
    if (isStatus(error, 403)) return { kind: 'forbidden' }
    throw error
  }
}
