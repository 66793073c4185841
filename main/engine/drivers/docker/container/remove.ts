import type { EngineClient } from '../client'
import { isAtWork, isStatus } from '../problems'

/** Milliseconds to wait for what another client is removing, or still does in the files of a container. */
const PATIENCE = 30_000

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

/** Removes a container, running or not, with its nameless volumes. Succeeds when there is none. */
export async function removeContainer(client: EngineClient, containerId: string): Promise<void> {
  for (let waited = 0; ; waited += 250) {
    try {
      await client.json('DELETE', `/containers/${containerId}`, { query: { force: true, v: true } })
      return
    } catch (error) {
      if (isStatus(error, 404)) return
      if (isStatus(error, 409)) return gone(client, containerId, error)
      if (!isAtWork(error) || waited >= PATIENCE) throw error
      await wait(250)
    }
  }
}

/** Someone else is removing it already: waits until that is done. */
async function gone(client: EngineClient, containerId: string, reason: unknown): Promise<void> {
  for (let waited = 0; waited < PATIENCE; waited += 100) {
    try {
      await client.json('GET', `/containers/${containerId}/json`)
    } catch (error) {
      if (isStatus(error, 404)) return
      throw error
    }
    await wait(100)
  }
  throw reason
}
