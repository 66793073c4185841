import { type ContainerOptions, type Definition, maximumRights } from '#contract'
import { mergeContainerOptions } from '../container/index'
import { lastLayer } from './layer'
import type { ReadService } from './service'

/**
 * What the workspace's own service says of its container, with what is common to all: the rights that each service asks
 * for, with its name, and the names that lead to other machines. `labels`: names of services as the definition has them.
 * Throws `definition-invalid`.
 */
export function containerOfAll(
  own: ReadService,
  others: readonly (readonly [name: string, service: ReadService])[],
  labels: ReadonlyMap<string, string>,
): Pick<Definition, 'container'> {
  const known = new Map((own.container?.extraHosts ?? []).map(({ name, address }) => [name, address]))
  const said = others.flatMap(([name, { beside, layers }]): ContainerOptions[] => {
    if (!beside) return []
    const rights = beside.rights.map((right) => ({ ...right, service: labels.get(name) ?? name }))
    const extraHosts = beside.extraHosts.filter((host) => {
      const other = known.get(host.name)
      if (other !== undefined && other !== host.address) {
        lastLayer(layers, 'extra_hosts')?.value.ignore(
          `${host.name} leads to ${other} for another service, and all services share one network`,
        )
        return false
      }
      known.set(host.name, host.address)
      return true
    })
    if (rights.length + extraHosts.length === 0) return []
    return [{ rights, ...(extraHosts.length > 0 && { extraHosts }) }]
  })
  const asked = said.reduce((sum, { rights }) => sum + rights.length, own.container?.rights.length ?? 0)
  const [first] = own.layers
  if (asked > maximumRights && first)
    throw first.invalid(`A workspace and its services ask for at most ${maximumRights} rights.`)
  const container = mergeContainerOptions([own.container, ...said])
  return container ? { container } : {}
}
