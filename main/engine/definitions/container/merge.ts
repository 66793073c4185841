import { type ContainerOptions, maximumRights, uniqueRights } from '#contract'

const lists = ['dns', 'dnsSearch', 'dnsOptions', 'groups', 'capabilitiesDropped'] as const

/**
 * Several words on one container as one, the last of them the strongest: rights and lists are joined, of the rest the
 * last counts (containers.dev, "Merge logic"; Compose specification, "Merge"). Undefined where none says anything.
 */
export function mergeContainerOptions(
  all: readonly (ContainerOptions | undefined)[],
): ContainerOptions | undefined {
  const said = all.filter((one) => one !== undefined)
  if (said.length === 0) return undefined
  const merged: ContainerOptions = Object.assign({}, ...said)
  merged.rights = uniqueRights(said.flatMap(({ rights }) => rights)).slice(0, maximumRights)
  for (const list of lists) {
    const items = [...new Set(said.flatMap((one) => one[list] ?? []))]
    if (items.length > 0) merged[list] = items
  }
  const labels = Object.assign({}, ...said.map((one) => one.labels))
  if (Object.keys(labels).length > 0) merged.labels = labels
  const hosts = lastByName(said.flatMap(({ extraHosts }) => extraHosts ?? []))
  if (hosts.length > 0) merged.extraHosts = hosts
  const ulimits = lastByName(said.flatMap(({ ulimits: own }) => own ?? []))
  if (ulimits.length > 0) merged.ulimits = ulimits
  return merged
}

function lastByName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.name, item])).values()]
}
