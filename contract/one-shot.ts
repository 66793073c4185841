import type { Definition } from './definition'
import type { Service } from './service'

/**
 * How services stand that do their work and end (Compose specification, "service_completed_successfully"): `first`, those
 * that need nothing that runs, so that they can be done with before anything else starts; `beside`, those that run while
 * others do.
 */
export type OneShot = 'first' | 'beside'

/**
 * The services of a definition that are to run once in each start of the workspace, by their names: those whose success
 * something waits for, and those that plainly are no servers: nothing waits for them, they listen on nothing, and are
 * not started again.
 */
export function oneShots({
  services,
  dependsOn = [],
}: Pick<Definition, 'services' | 'dependsOn'>): ReadonlyMap<string, OneShot> {
  const needs = [...dependsOn, ...services.flatMap((service) => service.dependsOn)]
  const named = (isSo: (condition: (typeof needs)[number]['condition']) => boolean) =>
    new Set(needs.filter(({ condition }) => isSo(condition)).map(({ service }) => service))
  const awaited = named((condition) => condition === 'completed')
  const used = named((condition) => condition !== 'completed')
  const found = new Map<string, OneShot>()
  const isFirst = ({ dependsOn: own }: Service) =>
    own.every(({ service, condition }) => condition === 'completed' && found.get(service) === 'first')
  // Each round finds those that need what the rounds before it have found.
  for (let before = -1; before < found.size; ) {
    before = found.size
    for (const service of services) {
      if (found.has(service.name) || service.restart !== 'never' || used.has(service.name)) continue
      if (awaited.has(service.name) && isFirst(service)) found.set(service.name, 'first')
    }
  }
  for (const service of services) {
    if (found.has(service.name) || service.restart === 'always') continue
    const isAlone =
      service.restart === 'never' && !service.health && service.ports.length === 0 && !used.has(service.name)
    if (awaited.has(service.name) || isAlone) found.set(service.name, 'beside')
  }
  return found
}

/** Whether a command is one of a shell: there is one in its image then. */
export function isShellCommand(command: readonly string[] | undefined): boolean {
  return /^(?:\/(?:usr\/)?bin\/)?(?:ba|da|a|z)?sh$/.test(command?.[0] ?? '')
}
