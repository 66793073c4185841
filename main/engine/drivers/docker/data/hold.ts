import type { StepReport } from '../../driver'
import { inStartOrder } from '../../shared/services'
import type { ContainerSummary } from '../api'
import type { EngineClient } from '../client'
import { labels, readLabels, serviceFilter } from '../container/anatomy'
import { type Located, QUICK } from '../container/locate'
import { isStatus } from '../problems'
import type { Held } from './anatomy'

/** Seconds that a service has to end: a database writes what it holds in memory. */
const GRACE = 30

/** What has to rest while these volumes of the engine are copied: services are stopped, the workspace itself is paused. */
export async function whatUses(
  client: EngineClient,
  located: Located | undefined,
  volumes: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Held> {
  const labelled = readLabels(located?.summary.Labels)
  if (!located || !labelled) return { stopped: [], paused: [] }
  const beside = await client.json<ContainerSummary[]>('GET', '/containers/json', {
    query: { all: true, filters: JSON.stringify({ label: [serviceFilter(labelled.id)] }) },
    timeout: QUICK,
    signal,
  })
  const uses = ({ Mounts, State }: ContainerSummary) =>
    (State === 'running' || State === 'restarting') &&
    Mounts?.some(({ Name }) => Name !== undefined && volumes.has(Name)) === true
  const order = inStartOrder(labelled.definition.services).map(({ name }) => name)
  const rank = ({ Labels }: ContainerSummary) => order.indexOf(Labels?.[labels.service] ?? '')
  return {
    stopped: beside
      .filter(uses)
      .sort((one, two) => rank(one) - rank(two))
      .map(({ Id }) => Id),
    paused: uses(located.summary) ? [located.containerId] : [],
  }
}

/** Brings them to rest: who depends on others first. Rejects with raw errors. */
export async function rest(
  client: EngineClient,
  held: Held,
  report: StepReport,
  signal: AbortSignal,
): Promise<void> {
  if (held.stopped.length > 0) report.detail('Stopping the services that use it')
  for (const id of [...held.stopped].reverse()) {
    signal.throwIfAborted()
    await ofWhatIsThere(client.json('POST', `/containers/${id}/stop`, { query: { t: GRACE } }))
  }
  for (const id of held.paused) {
    signal.throwIfAborted()
    await ofWhatIsThere(client.json('POST', `/containers/${id}/pause`))
  }
}

/** Lets them go on, all that can; rejects with what the first that cannot says. */
export async function goOn(client: EngineClient, held: Held): Promise<void> {
  let failure: { readonly error: unknown } | undefined
  const attempt = async (path: string) => {
    try {
      await ofWhatIsThere(client.json('POST', path))
    } catch (error) {
      // One that does not run, or is not paused, any more is as somebody else wants it.
      if (!isStatus(error, 500) || !/not paused|not running/i.test(error.message)) failure ??= { error }
    }
  }
  for (const id of held.paused) await attempt(`/containers/${id}/unpause`)
  for (const id of held.stopped) await attempt(`/containers/${id}/start`)
  if (failure) throw failure.error
}

/** Gone, ended, paused or running meanwhile: nothing is left to do. */
async function ofWhatIsThere(request: Promise<unknown>): Promise<void> {
  try {
    await request
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error
  }
}
