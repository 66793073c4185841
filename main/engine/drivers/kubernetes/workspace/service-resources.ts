import type { V1Container } from '@kubernetes/client-node'
import type { HostRequirements, Service } from '#contract'
import { bytes, processors } from './host-requirements'
import { isMore } from './quantity'

/** What a namespace wants to be told of every container, by resource: what is said where a service says nothing. */
export interface Unsaid {
  readonly requests: Readonly<Record<string, string>>
  readonly limits: Readonly<Record<string, string>>
}

/** What a service that has only a limit is sure to get, so that a limit keeps no more from others than on an engine. */
const sure: Readonly<Record<string, string>> = { cpu: '50m', memory: '128Mi' }

/** What a service's container asks for, and may take at most. */
export function serviceResources(
  { container = {} }: Pick<Service, 'container'>,
  unsaid: Unsaid = { requests: {}, limits: {} },
): Pick<V1Container, 'resources'> {
  const { memory, cpus, memoryReserved, cpusReserved } = container
  const requests: Record<string, string> = {
    ...(cpusReserved !== undefined && { cpu: processors(cpusReserved) }),
    ...(memoryReserved !== undefined && { memory: bytes(memoryReserved) }),
  }
  const limits: Record<string, string> = {
    ...(cpus !== undefined && { cpu: processors(cpus) }),
    ...(memory !== undefined && { memory: bytes(memory) }),
  }
  for (const name of ['cpu', 'memory']) {
    const told = requests[name]
    const limit = limits[name]
    const wanted = unsaid.limits[name]
    const least = told ?? unsaid.requests[name] ?? (limit === undefined ? undefined : sure[name])
    if (limit === undefined && wanted !== undefined)
      limits[name] = told !== undefined && isMore(told, wanted) ? told : wanted
    const most = limits[name]
    if (least !== undefined) requests[name] = most !== undefined && isMore(least, most) ? most : least
  }
  const some = (amounts: object) => Object.keys(amounts).length > 0
  if (!some(requests) && !some(limits)) return {}
  return { resources: { ...(some(requests) && { requests }), ...(some(limits) && { limits }) } }
}

/** What of a definition's requirements is left for the workspace itself: a pod is on one machine as a whole. */
export function ownRequirements(
  requirements: HostRequirements | undefined,
  services: readonly Pick<Service, 'container'>[],
): HostRequirements | undefined {
  if (!requirements) return undefined
  const { cpus, memory, ...rest } = requirements
  const reserved = (name: 'cpusReserved' | 'memoryReserved') =>
    services.reduce((sum, { container }) => sum + (container?.[name] ?? 0), 0)
  const cpusLeft = (cpus ?? 0) - reserved('cpusReserved')
  const memoryLeft = (memory ?? 0) - reserved('memoryReserved')
  return {
    ...rest,
    ...(cpusLeft > 1e-9 && { cpus: cpusLeft }),
    ...(memoryLeft > 0 && { memory: memoryLeft }),
  }
}
