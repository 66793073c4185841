import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { Definition, Mount } from '#contract'
import { plainPath } from '../../shared/folders'

type Of = Pick<Definition, 'mounts' | 'services'>

/** Names of what containers of the pod share for as long as it is there, in the order in which they are found. */
function passingNames({ mounts, services }: Of): readonly string[] {
  const all = [...mounts, ...services.flatMap((service) => service.mounts)]
  return [...new Set(all.flatMap(({ type, source }) => (type === 'tmpfs' && source ? [source] : [])))]
}

/**
 * Its volumes: on the node's disk, and not in its memory, which would count as the containers' own. A pod that holds
 * more than it may is ended by its node.
 */
export function passingVolumes(definition: Of): readonly V1Volume[] {
  const all = [...definition.mounts, ...definition.services.flatMap(({ mounts }) => mounts)]
  return passingNames(definition).map((name, index) => {
    const size = all.find((one) => one.type === 'tmpfs' && one.source === name)?.size
    return { name: `passing-${index}`, emptyDir: size === undefined ? {} : { sizeLimit: String(size) } }
  })
}

/** Where a container sees one of them, by its name in the definition. */
export function passingMount(definition: Of, { source = '', target, readOnly }: Mount): V1VolumeMount {
  return {
    name: `passing-${passingNames(definition).indexOf(source)}`,
    mountPath: plainPath(target),
    ...(readOnly && { readOnly: true }),
  }
}
