import type { Definition, Service } from '#contract'
import { quantityOf } from '../platform/quantity'
import type { Findings } from './findings'
import type { LoadedPolicy } from './loaded'
import { shown, shownBytes, strictest } from './resources'

/** What an engine takes at least as a limit of memory, in bytes. */
const LEAST_MEMORY = 6 * 1024 * 1024

/**
 * No service gets more than a workspace may: else what takes much would be one. Each is limited by itself, as it is one
 * container among several; what it asks for beyond is made less, and said.
 */
export function limitServices(
  policies: readonly LoadedPolicy[],
  definition: Definition,
  findings: Findings,
): Definition {
  if (definition.services.length === 0) return definition
  let { services } = definition
  for (const kind of ['cpu', 'memory'] as const) {
    const max = strictest(policies, kind)
    if (!max) continue
    const [limit, reserved] = kind === 'cpu' ? fields.cpu : fields.memory
    const exact = quantityOf(max.amount)
    const most = kind === 'cpu' ? exact : Math.max(LEAST_MEMORY, Math.floor(exact))
    findings.explain(max.by, `Each service beside it is limited to ${shown(kind, max.amount)}`)
    services = services.map((service) => {
      const { container = {}, name } = service
      const asked = Math.max(container[limit] ?? 0, container[reserved] ?? 0)
      if (asked > most * (1 + 1e-9)) {
        const text = kind === 'cpu' ? String(asked) : shownBytes(asked)
        findings.explain(
          max.by,
          `The service ${name} is limited to ${shown(kind, max.amount)}, and not ${text}`,
        )
      }
      const kept = container[reserved]
      const limited: Service = {
        ...service,
        container: {
          ...container,
          [limit]: Math.min(most, container[limit] ?? most),
          ...(kept !== undefined && { [reserved]: Math.min(most, kept) }),
        },
      }
      return limited
    })
  }
  return services === definition.services ? definition : { ...definition, services }
}

const fields = { cpu: ['cpus', 'cpusReserved'], memory: ['memory', 'memoryReserved'] } as const
