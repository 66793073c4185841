import type { KubernetesOptions } from '#contract'

/** `own`, and what it leaves open as `base` has it: amounts one by one, everything else field by field. */
export function mergeOptions(base: KubernetesOptions, own: KubernetesOptions | undefined): KubernetesOptions {
  const requests = { ...base.requests, ...own?.requests }
  const limits = { ...base.limits, ...own?.limits }
  return {
    ...base,
    ...own,
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(Object.keys(limits).length > 0 && { limits }),
  }
}
