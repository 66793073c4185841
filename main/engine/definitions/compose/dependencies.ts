import type { Dependency } from '#contract'
import { fieldLayers, flag, itemsOf, type Layer, lastLayer } from './layer'
import type { Project } from './project'

/** What a service needs of another. */
export interface Need {
  readonly service: string
  /** Absent: it only has to be there, as one whose network is shared. */
  readonly condition?: Dependency['condition']
  readonly required: boolean
  readonly layer: Layer
}

const conditions = {
  service_started: 'started',
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
} as const

/** `depends_on`, and what links, shared networks and volumes need: each other service once. */
export function readNeeds(layers: readonly Layer[]): Need[] {
  const needs = new Map<string, Need>()
  const also = (service: string, layer: Layer) => {
    if (!needs.has(service)) needs.set(service, { service, required: true, layer })
  }
  for (const section of fieldLayers(layers, 'depends_on')) {
    if (section.value.type === 'array') {
      for (const item of itemsOf([section])) {
        const service = item.value.text()
        needs.set(service, { service, condition: 'started', required: true, layer: item })
      }
    } else {
      const entries = section.fields('Write, for example, "depends_on: [db]".')
      for (const [service, value] of entries) needs.set(service, readNeed(service, section.within(value)))
    }
  }
  for (const item of itemsOf(fieldLayers(layers, 'links'))) {
    also(item.value.text().split(':')[0] ?? '', item)
  }
  for (const field of ['network_mode', 'ipc', 'pid']) {
    const mode = lastLayer(layers, field)
    const name = mode?.value.type === 'string' ? /^service:(.+)$/.exec(mode.value.text())?.[1] : undefined
    if (mode && name !== undefined) also(name, mode)
  }
  for (const item of itemsOf(fieldLayers(layers, 'volumes_from'))) {
    const text = item.value.text()
    if (!text.startsWith('container:')) also(text.split(':')[0] ?? '', item)
  }
  return [...needs.values()]
}

function readNeed(service: string, layer: Layer): Need {
  if (layer.value.type === 'null') return { service, condition: 'started', required: true, layer }
  const condition = lastLayer([layer], 'condition')
  const required = lastLayer([layer], 'required')
  const restart = lastLayer([layer], 'restart')
  if (restart && flag(restart)) restart.value.ignore('a service is not started again because another was')
  const name = condition?.value.choice([
    'service_started',
    'service_healthy',
    'service_completed_successfully',
  ])
  return {
    service,
    condition: conditions[name ?? 'service_started'],
    required: required === undefined || flag(required),
    layer,
  }
}

/**
 * The services that run: `wanted`, and all that they need, in the order of the files. Throws `definition-invalid`
 * where one is needed that is not there, or where they need each other in a circle.
 */
export function runningServices(
  project: Project,
  wanted: readonly string[],
): ReadonlyMap<string, readonly Need[]> {
  const running = new Map<string, readonly Need[]>()
  const waiting = [...wanted]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (running.has(name)) continue
    const needs = readNeeds(project.services.get(name) ?? []).filter(({ service, required, layer }) => {
      const known = project.services.has(service)
      if (!known && required) throw layer.value.mustBe('about a service that the files have')
      // One that can do without is no reason for a service to run.
      return known
    })
    running.set(name, needs)
    waiting.push(...needs.filter(({ required }) => required).map(({ service }) => service))
  }
  refuseCircles(running)
  const ordered = [...project.services.keys()].filter((name) => running.has(name))
  return new Map(
    ordered.map((name) => [name, (running.get(name) ?? []).filter(({ service }) => running.has(service))]),
  )
}

function refuseCircles(running: ReadonlyMap<string, readonly Need[]>): void {
  const done = new Set<string>()
  const visit = (name: string, above: readonly string[]) => {
    if (done.has(name)) return
    for (const { service, layer } of running.get(name) ?? []) {
      if (service === name || above.includes(service)) {
        const circle = [...above.slice(above.indexOf(service)), name, service]
        throw layer.invalid(
          `Services need each other in a circle: ${(service === name ? [name, name] : circle).join(', ')}.`,
          'Take one of them out of "depends_on".',
        )
      }
      visit(service, [...above, name])
    }
    done.add(name)
  }
  for (const name of running.keys()) visit(name, [])
}
