import type { V1Namespace } from '@kubernetes/client-node'
import { problem } from '#contract'
import type { ApiClient } from '../api'
import { isGranted } from '../probe/rights'
import { isStatus } from '../status'
import { forbiddenOf } from '../transport/errors'

const COLLECTION = '/api/v1/namespaces'
/** Namespaces of one answer to a list. */
const PAGE = 500

/** Which namespaces the cluster has, where this identity may ask, and whether it may make one. Rejects with raw errors. */
export async function readNamespaces(
  client: ApiClient,
  signal: AbortSignal,
): Promise<{ readonly all?: readonly string[]; readonly mayCreate: boolean }> {
  const [all, mayCreate] = await Promise.all([
    listNames(client, signal),
    isGranted(client, { group: '', resource: 'namespaces' }, 'create', signal, ''),
  ])
  return { ...(all && { all }), mayCreate }
}

async function listNames(client: ApiClient, signal: AbortSignal): Promise<readonly string[] | undefined> {
  const names: string[] = []
  let token: string | undefined
  do {
    try {
      const page: { items?: V1Namespace[]; metadata?: { continue?: string } } = await client.json(
        'GET',
        COLLECTION,
        { query: { limit: PAGE, ...(token && { continue: token }) }, signal },
      )
      for (const { metadata, status } of page.items ?? [])
        if (metadata?.name && status?.phase !== 'Terminating') names.push(metadata.name)
      token = page.metadata?.continue || undefined
    } catch (error) {
      if (!isStatus(error, 403)) throw error
      return undefined
    }
  } while (token !== undefined)
  return names
}

async function refuseTerminating(client: ApiClient, name: string, signal: AbortSignal): Promise<void> {
  const path = `${COLLECTION}/${encodeURIComponent(name)}`
  const found = await client.json<V1Namespace>('GET', path, { signal }).catch((error: unknown) => {
    // Who may make namespaces need not be let look at them; it shows when it is used.
    if (isStatus(error, 403, 404)) return undefined
    throw error
  })
  if (found?.status?.phase !== 'Terminating') return
  throw problem({
    code: 'namespace-missing',
    title: `The namespace "${name}" is being deleted`,
    cause: 'Everything in it goes with it, and there is no other of this name until it is gone.',
    remedy: 'Wait until it is gone, or choose another name.',
  })
}

/** Makes one, or finds it made. Where that is not allowed the Problem names the verb. */
export async function makeNamespace(client: ApiClient, name: string, signal: AbortSignal): Promise<void> {
  try {
    await client.json('POST', COLLECTION, {
      query: { fieldManager: 'berth' },
      json: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      signal,
    })
  } catch (error) {
    if (isStatus(error, 409)) return refuseTerminating(client, name, signal)
    const forbidden = forbiddenOf(error)
    if (!forbidden) throw error
    throw problem(
      {
        code: 'target-forbidden',
        title: `The namespace "${name}" could not be made`,
        cause: `"${forbidden.user}" may not create namespaces in the cluster "${client.identity.targetName}".`,
        remedy: `Ask whoever runs the cluster for it (kubectl create namespace ${name}) and for the Role in resources/kubernetes/role.yaml there.`,
        detail: error instanceof Error ? error.message : String(error),
      },
      error,
    )
  }
}
