import { shorten } from '../document/value'
import { fieldLayers, itemsOf, type Layer, lastLayer } from './layer'
import { isHostName } from './names'
import type { Project } from './project'

const shared =
  "every service shares the workspace's network, where all reach each other on localhost and by name"

/** The names that lead to a service beside its own. What else it says of its network is named. */
export function readAliases(layers: readonly Layer[], ofWorkspace: boolean): string[] {
  const names: Layer[] = []
  for (const field of ['container_name', 'hostname']) {
    const name = lastLayer(layers, field)
    if (name) names.push(name)
  }
  let other: Layer | undefined
  for (const section of fieldLayers(layers, 'networks')) {
    if (section.value.type === 'array') {
      other ??= itemsOf([section]).some(({ value }) => value.text() !== 'default') ? section : undefined
      continue
    }
    for (const [network, value] of section.fields('Write, for example, "networks: [default]".')) {
      if (network !== 'default') other ??= section
      if (value.type === 'null') continue
      const settings = section.within(value)
      names.push(...itemsOf(fieldLayers([settings], 'aliases')))
      for (const [name, setting] of settings.fields()) {
        if (name !== 'aliases' && setting.type !== 'null') setting.ignore(shared)
      }
    }
  }
  other?.value.ignore(shared)
  const mode = lastLayer(layers, 'network_mode')
  const isMachines = ofWorkspace && mode?.value.text() === 'host'
  if (mode && !isMachines && !mode.value.text().startsWith('service:')) mode.value.ignore(shared)
  const from = lastLayer(layers, 'volumes_from')
  from?.value.ignore("another service's volumes are not taken over; name them here too")
  return usable(names)
}

function usable(names: readonly Layer[]): string[] {
  const aliases = new Set<string>()
  for (const { value } of names) {
    const name = value.text()
    if (isHostName(name)) aliases.add(name)
    else if (name !== '')
      value.ignore(`${JSON.stringify(shorten(name))} is no name that can lead to a service`)
  }
  return [...aliases]
}

/** The names by which a service calls others: `links: ["db:database"]`. */
export function readLinks(layers: readonly Layer[]): [service: string, alias: string][] {
  const links: [string, string][] = []
  for (const item of itemsOf(fieldLayers(layers, 'links'))) {
    const [service = '', alias] = item.value.text().split(':')
    if (alias === undefined) continue
    if (isHostName(alias)) links.push([service, alias])
    else item.value.ignore(`${JSON.stringify(shorten(alias))} is no name that can lead to a service`)
  }
  return links
}

/** Networks are declared beside the services; theirs is one for all. One that is nothing but that is not named. */
export function noteNetworks(project: Project): void {
  for (const root of project.files) {
    const section = lastLayer([root], 'networks')
    for (const value of section?.fields().values() ?? []) {
      if (value.type !== 'object') continue
      const settings = [...value.fields()].filter(
        ([name, setting]) => !(name === 'driver' && setting.type === 'string' && setting.text() === 'bridge'),
      )
      if (settings.length > 0)
        value.ignore('there is one network, which the workspace and its services share')
    }
  }
}
