import {
  type Definition,
  type Dependency,
  type Problem,
  type ProblemError,
  problem,
  type Service,
  type ServiceStatus,
} from '#contract'

/**
 * What has to be so of its services before a workspace counts as started. `must`: the definition says so, and a start
 * fails otherwise; else a while is waited for it, and no longer.
 */
export function neededServices(definition: Definition): {
  readonly needed: readonly Dependency[]
  readonly must: boolean
} {
  if (definition.dependsOn) return { needed: definition.dependsOn, must: true }
  return {
    needed: definition.services.map(({ name, health }) => ({
      service: name,
      condition: health ? 'healthy' : 'started',
    })),
    must: false,
  }
}

/** Services such that each comes after what it depends on. Where they depend on each other in a circle any may be first. */
export function inStartOrder(services: readonly Service[]): readonly Service[] {
  const ordered = new Set<Service>()
  const place = (service: Service, above: ReadonlySet<Service>) => {
    if (ordered.has(service) || above.has(service)) return
    const on = new Set([...above, service])
    for (const { service: name } of service.dependsOn) {
      const other = services.find((one) => one.name === name)
      if (other) place(other, on)
    }
    ordered.add(service)
  }
  for (const service of services) place(service, new Set())
  return [...ordered]
}

/** The names by which a workspace and its services reach each other, all of which lead to their common network. */
export function hostNames({ services, aliases = [] }: Definition): readonly string[] {
  return [...new Set([...aliases, ...services.flatMap((one) => [one.name, ...one.aliases])])]
}

/** Of a log that cannot be read. */
export function noService(name: string): Problem {
  return problem({
    code: 'not-found',
    title: `There is no service ${name}`,
    cause: 'The workspace has none of this name, or it was never started.',
    remedy: 'See the services of the workspace.',
  }).problem
}

/** Of a command that is to run in a service of which the workspace has none. `services`: those that it has. */
export function noServiceFor(title: string, name: string, services: readonly string[]): ProblemError {
  return problem({
    code: 'not-found',
    title,
    cause: services.length
      ? `The workspace has no service ${name}. It has ${services.join(', ')}.`
      : `The workspace has no service ${name}, nor any other.`,
    remedy: services.length
      ? 'Name one of those.'
      : 'Leave the service out, to run it in the workspace itself.',
  })
}

/** Of a command that is to run in a service that does not run just now. */
export function serviceNotRunning(
  title: string,
  { name, reason }: Pick<ServiceStatus, 'name' | 'reason'>,
): ProblemError {
  return problem({
    code: 'service-not-running',
    title,
    cause: `The service ${name} does not run: ${reason}.`,
    remedy: 'See what it printed. Restarting the workspace starts it again.',
  })
}

/** Why there is nobody to run a command as. */
export const noUserInService = (service: string, user = '') => ({
  cause: `The image of the service ${service} has no user "${user}".`,
  remedy: 'Name one that it has, or none, to run it as the service itself.',
})

/** A service that is not as it has to be. `output` is the end of what it printed. */
export function serviceFailed(name: string, cause: string, output = ''): Problem {
  return problem({
    code: 'service-failed',
    title: `The service ${name} did not come up`,
    cause,
    remedy:
      'See what it printed, correct its image, command or environment in the definition, and try again.',
    ...(output.trim() ? { detail: output } : {}),
  }).problem
}
