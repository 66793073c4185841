import { noServiceFor, serviceNotRunning } from '../../shared/services'
import type { ContainerInspect, ContainerSummary } from '../api'
import type { EngineClient } from '../client'
import { labels, readLabels, serviceFilter } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { EngineError } from '../problems'
import { observeServices } from './observe'

/** States in which a process can be started beside the service's own. */
const RUNS: ReadonlySet<string> = new Set(['starting', 'running', 'healthy', 'unhealthy'])

/**
 * The container of a service beside a workspace's container, which runs. Rejects with `not-found` or
 * `service-not-running`, titled `title`, and else with raw errors: that the workspace's container does not run is one.
 */
export async function runningService(
  client: EngineClient,
  workspaceContainer: string,
  service: string,
  title: string,
  signal: AbortSignal,
): Promise<string> {
  const inspect = (containerId: string) =>
    client.json<ContainerInspect>('GET', `/containers/${containerId}/json`, { timeout: QUICK, signal })
  const host = await inspect(workspaceContainer)
  const labelled = readLabels(host.Config.Labels)
  const names = labelled?.definition.services.map(({ name }) => name) ?? []
  if (!labelled || !names.includes(service)) throw noServiceFor(title, service, names)
  if (!host.State.Running) throw new EngineError(409, `Container ${workspaceContainer} is not running`)
  const all = await client.json<ContainerSummary[]>('GET', '/containers/json', {
    query: { all: true, filters: JSON.stringify({ label: [serviceFilter(labelled.id)] }) },
    timeout: QUICK,
    signal,
  })
  const found = all.find(
    ({ Labels }) => Labels?.[labels.service] === service && Labels?.[labels.making] === labelled.making,
  )
  const beside = found ? [await inspect(found.Id)] : []
  const status = observeServices(labelled, beside).find(({ name }) => name === service)
  if (!found || !status || !RUNS.has(status.state))
    throw serviceNotRunning(title, { name: service, reason: status?.reason ?? 'Not started yet' })
  return found.Id
}
