import type { V1Pod } from '@kubernetes/client-node'
import type { ApiClient } from '../api'
import { isLogBefore } from '../watch/services'
import { serviceContainer } from '../workspace/anatomy'
import type { LogAddress } from './logs'
import { type ContainerAddress, podPath } from './open-command'

/** Where the log of a service is. `place`: of the workspace's own container. Rejects with raw errors. */
export async function serviceLog(
  client: ApiClient,
  place: ContainerAddress,
  service: string,
  signal: AbortSignal,
): Promise<LogAddress> {
  const pod = await client.json<V1Pod>('GET', podPath(client, place.pod), { signal })
  return { ...place, container: serviceContainer(service), previous: isLogBefore(service, pod) }
}
