import type { EngineClient } from '../client'
import { QUICK } from './locate'

/** Processes of a running container, as the engine's own machine numbers them (Engine API, "List processes"). */
export async function processesOf(
  client: EngineClient,
  containerId: string,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const { Processes } = await client.json<{ Processes: readonly (readonly string[])[] | null }>(
    'GET',
    `/containers/${containerId}/top`,
    { query: { ps_args: '-eo pid' }, timeout: QUICK, signal },
  )
  return (Processes ?? []).map(([pid]) => Number(pid)).filter((pid) => Number.isSafeInteger(pid) && pid > 0)
}
