import type { ClusterVerbs } from '../../driver'
import type { ApiClient } from '../api'
import { isStatus } from '../status'

const API = '/apis/workspace.devfile.io/v1alpha2'

type Answer = Awaited<ReturnType<NonNullable<ClusterVerbs['devfileTemplate']>>>

/** See {@link ClusterVerbs}. Rejects with raw errors. */
export async function readDevfileTemplate(
  client: ApiClient,
  { name, namespace = client.identity.namespace }: { readonly name: string; readonly namespace?: string },
  signal: AbortSignal,
): Promise<Answer> {
  const path = `${API}/namespaces/${encodeURIComponent(namespace)}/devworkspacetemplates/${encodeURIComponent(name)}`
  try {
    const { spec = {} } = await client.json<{ spec?: unknown }>('GET', path, { signal })
    return { kind: 'found', namespace, text: JSON.stringify(spec) }
  } catch (error) {
    if (isStatus(error, 403)) return { kind: 'forbidden', namespace }
    if (!isStatus(error, 404)) throw error
    return { kind: (await knowsTemplates(client, signal)) ? 'missing' : 'no-kind', namespace }
  }
}

/** Everybody who has logged in may ask what kinds of objects there are. */
async function knowsTemplates(client: ApiClient, signal: AbortSignal): Promise<boolean> {
  try {
    const { resources = [] } = await client.json<{ resources?: { name?: string }[] }>('GET', API, { signal })
    return resources.some(({ name }) => name === 'devworkspacetemplates')
  } catch (error) {
    if (isStatus(error, 404)) return false
    // Whoever may not even ask that is told of the object.
    if (isStatus(error, 403)) return true
    throw error
  }
}
