const labels: Readonly<Record<string, string>> = {
  cpu: 'CPU',
  memory: 'Memory',
  storage: 'Storage',
  'ephemeral-storage': 'Scratch space',
  pods: 'Pods',
  persistentvolumeclaims: 'Volumes',
  secrets: 'Secrets',
  'statefulsets.apps': 'StatefulSets',
}

/** A quota's or LimitRange's resource in words. Amounts that are sure to be had need none: they are what is asked for. */
export function resourceLabel(resource: string): string {
  const ofClass = /^(.+)\.storageclass\.storage\.k8s\.io\/(.+)$/.exec(resource)
  if (ofClass) return `${resourceLabel(ofClass[2] ?? '')} of class ${ofClass[1]}`
  const [, limit, plain = resource] = /^(?:(limits)\.|requests\.|count\/)?(.+)$/.exec(resource) ?? []
  const label = labels[plain] ?? plain
  return limit ? `${label} limit` : label
}
