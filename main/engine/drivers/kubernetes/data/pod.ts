import type { V1Container, V1Pod, V1PodSpec } from '@kubernetes/client-node'
import type { KubernetesOptions } from '#contract'
import { idleCommand } from '../../shared/idle'
import { CONTAINER, dataPath, serviceOf, VOLUME_ROOT } from '../workspace/anatomy'
import { literal, preparing, resources } from '../workspace/pod'

/** Seconds after which a pod that was forgotten ends by itself. */
const LIFE = 3_600

export const dataPodName = (id: string) => `ws-${id}-data`
const containerName = (index: number) => `data-${index}`

/** The pod that copies data, and which of its containers may do that to each volume. */
export interface DataPod {
  readonly spec: V1PodSpec
  readonly containerOf: ReadonlyMap<string, string>
}

/**
 * A pod with the whole volume, which does nothing by itself. Data belongs to whom a service runs as, so each volume gets
 * a container that runs as the one which uses it, and root's before others: what the namespace admits of the workspace it
 * admits of this as well. `node`: beside the workspace's own pod, where that runs.
 */
export function dataPodOf(
  template: V1PodSpec,
  volumes: readonly string[],
  node: string | undefined,
  amounts: Pick<KubernetesOptions, 'requests' | 'limits'> = {},
): DataPod {
  const users = new Map<V1Container, string>()
  const containerOf = new Map<string, string>()
  for (const volume of volumes) {
    const user = userOf(template, volume)
    const name = users.get(user) ?? containerName(users.size)
    users.set(user, name)
    containerOf.set(volume, name)
  }
  const modest = ({ resources: _, ...rest }: V1Container): V1Container => ({ ...rest, ...resources(amounts) })
  const containers = [...users].map(
    ([{ image, securityContext }, name]): V1Container =>
      modest({
        name,
        ...(image !== undefined && { image }),
        imagePullPolicy: 'IfNotPresent',
        command: idleCommand().map(literal),
        ...(securityContext && { securityContext }),
        volumeMounts: [{ name: 'data', mountPath: VOLUME_ROOT }],
        terminationMessagePolicy: 'FallbackToLogsOnError',
      }),
  )
  const { initContainers, hostAliases: _, ...rest } = template
  return {
    containerOf,
    spec: {
      ...rest,
      // Its folders are made by the workspace's own pod, where that runs.
      ...(node === undefined
        ? initContainers && { initContainers: preparing(template).map(modest) }
        : { nodeName: node }),
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      activeDeadlineSeconds: LIFE,
      shareProcessNamespace: false,
      containers,
      volumes: (template.volumes ?? []).filter(({ name }) => name === 'data'),
    },
  }
}

function userOf({ containers, initContainers = [] }: V1PodSpec, volume: string): V1Container {
  const uses = ({ volumeMounts }: V1Container) =>
    volumeMounts?.some(({ name, subPath }) => name === 'data' && subPath === dataPath(volume))
  const running = containers.filter(uses)
  const services = initContainers.filter((one) => serviceOf(one.name) !== undefined && uses(one))
  const users = running.length > 0 ? running : services
  const mayBeRoot = ({ securityContext }: V1Container) =>
    securityContext?.runAsNonRoot !== true && !securityContext?.runAsUser
  const own = containers.find(({ name }) => name === CONTAINER)
  const found = users.find(mayBeRoot) ?? users[0] ?? own
  if (!found) throw new Error('a workspace has a container')
  return found
}

/** Whether all of its containers run. */
export function isUp(pod: V1Pod): boolean {
  const all = pod.status?.containerStatuses ?? []
  return (
    pod.metadata?.deletionTimestamp === undefined &&
    all.length > 0 &&
    all.every(({ state }) => state?.running)
  )
}
