import type { HostRequirements, KubernetesOptions } from '#contract'
import { DEFAULT_STORAGE } from './manifests'
import { quantityOf } from './quantity'

/**
 * Options with what the definition is sure to need, where nobody has chosen: what a node must have free, how large the
 * volume is if its usual size is too small, and a graphics processor that must be there. One that is welcome is not asked
 * for: the pod would wait for a node that has one.
 */
export function withHostRequirements(
  options: KubernetesOptions,
  requirements: HostRequirements | undefined,
): KubernetesOptions {
  if (!requirements) return options
  const { cpus, memory, storage, gpu, gpuDevices } = requirements
  const isOpen = (name: 'cpu' | 'memory') =>
    options.requests?.[name] === undefined && options.limits?.[name] === undefined
  const requests = {
    ...(cpus !== undefined && isOpen('cpu') && { cpu: processors(cpus) }),
    ...(memory !== undefined && isOpen('memory') && { memory: bytes(memory) }),
  }
  const isLarger = storage !== undefined && storage > quantityOf(DEFAULT_STORAGE)
  return {
    ...options,
    ...(Object.keys(requests).length > 0 && { requests: { ...options.requests, ...requests } }),
    ...(isLarger && options.storage === undefined && { storage: bytes(storage) }),
    ...(gpu === 'required' &&
      !options.gpu && { gpu: gpuDevices ?? { resource: 'nvidia.com/gpu', count: 1 } }),
  }
}

/** A number of processors, as Kubernetes writes it. */
export function processors(cpus: number): string {
  return Number.isInteger(cpus) ? String(cpus) : `${Math.max(1, Math.ceil(cpus * 1000))}m`
}

/** Bytes in the largest unit in which it is a whole number. */
export function bytes(amount: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti']
  let unit = 0
  let rest = amount
  while (unit + 1 < units.length && rest % 1024 === 0) {
    rest /= 1024
    unit += 1
  }
  return `${rest}${units[unit]}`
}
