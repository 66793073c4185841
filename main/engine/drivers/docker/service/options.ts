import { type Definition, rightsOf, type Service } from '#contract'
import type { ContainerFit } from '../../driver'
import { engineOptions } from '../container/options'
import { processorQuota } from '../container/quota'
import { unwritableFiles } from '../container/written-files'

/** What of the body of the engine's container create a service's options and granted rights come to. */
export interface ServiceEngineOptions {
  readonly labels: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
  readonly host: Readonly<Record<string, unknown>>
}

/** How the container of a service is made (Engine API, "Create a container"). Seconds of a stop are whole ones. */
export function serviceOptions(
  { container }: Pick<Definition, 'container'>,
  { name, container: own = {} }: Pick<Service, 'name' | 'container'>,
): ServiceEngineOptions {
  const { labels = {}, memoryReserved, cpusReserved: _, cpus, processes, readOnly, init, ...rest } = own
  const { stopSignal, stopGrace, ...plain } = rest
  const rights = rightsOf(container, name).map(({ service: _service, ...right }) => right)
  return {
    labels,
    body: {
      ...(stopSignal !== undefined && { StopSignal: stopSignal }),
      ...(stopGrace !== undefined && { StopTimeout: Math.ceil(stopGrace / 1_000) }),
    },
    host: {
      ...engineOptions({ container: { ...plain, rights, allowed: rights } }).host,
      ...(cpus !== undefined && processorQuota(cpus)),
      ...(memoryReserved !== undefined && { MemoryReservation: memoryReserved }),
      ...(processes !== undefined && { PidsLimit: processes }),
      ...(readOnly && { ReadonlyRootfs: true }),
      ...(init && { Init: true }),
    },
  }
}

/** What an engine cannot do of all that a definition can say of containers. */
export const containerFit: ContainerFit = {
  right: ({ kind }) =>
    kind === 'clusterObject' ? 'it is an object of a cluster, and an engine has containers alone' : undefined,
  options: () => [],
  service: ({ container }) => [
    ...(container?.cpusReserved === undefined
      ? []
      : [{ field: 'deploy.resources.reservations.cpus', reason: 'an engine keeps no processors free' }]),
    ...unwritableFiles(container),
  ],
  volumes(mounts) {
    const sized = mounts.flatMap(({ type, source, size }) =>
      type === 'volume' && source !== undefined && size !== undefined ? [source] : [],
    )
    return [...new Set(sized)].map((name) => ({
      field: `size of the volume ${name}`,
      reason:
        "an engine's volumes take what room there is; whether that is enough now is all that is looked at",
    }))
  },
}
