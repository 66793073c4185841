import type { KubernetesOptions } from '#contract'

/** `own`, and what it leaves open as `base` has it: field by field, also of amounts and of how images are built. */
export function mergeOptions(base: KubernetesOptions, own: KubernetesOptions | undefined): KubernetesOptions {
  const requests = { ...base.requests, ...own?.requests }
  const limits = { ...base.limits, ...own?.limits }
  const build = { ...base.build, ...own?.build }
  return {
    ...base,
    ...own,
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(Object.keys(build).length > 0 && { build }),
  }
}
