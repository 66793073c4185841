import type { KubernetesOptions } from '#contract'

/** The amounts that a workspace on a cluster asks for, in a few words; empty where it asks for none. */
export function amountsText(options: KubernetesOptions | undefined): string {
  const { requests, limits, gpu, storage, storageClass } = options ?? {}
  const range = (what: string, sure: string | undefined, most: string | undefined) =>
    sure || most ? [`${what} ${[sure, most && `up to ${most}`].filter(Boolean).join(' ')}`] : []
  return [
    ...range('CPU', requests?.cpu, limits?.cpu),
    ...range('memory', requests?.memory, limits?.memory),
    ...(gpu ? [`${gpu.count} GPU`] : []),
    ...(storage ? [`volume ${storage}`] : []),
    ...(storageClass ? [`class ${storageClass}`] : []),
  ].join(', ')
}
