import type { ImageSummary } from '../api'
import type { EngineClient } from '../client'
import { isStatus } from '../problems'
import { readServiceNotes } from '../service/services'
import { isPublished, labels, managedFilter, ownerOfBuilt } from './anatomy'
import { type Located, QUICK } from './locate'

/**
 * Takes a workspace's names from images that were built for it and that none of its containers uses any more; with
 * its last name, an image goes.
 */
export async function removeUnusedImages(
  client: EngineClient,
  containers: readonly Located[],
  id: string,
): Promise<void> {
  const all = await client.json<ImageSummary[]>('GET', '/images/json', {
    query: { filters: JSON.stringify({ label: [managedFilter] }) },
    timeout: QUICK,
  })
  const images = all.filter(
    ({ Labels, RepoTags }) =>
      Labels?.[labels.workspace] === id || RepoTags?.some((tag) => ownerOfBuilt(tag) === id),
  )
  const used = new Set(
    containers.flatMap(({ summary }) => [
      summary.Labels?.[labels.image],
      ...Object.values(readServiceNotes(summary.Labels?.[labels.services]).images),
    ]),
  )
  for (const tag of images.flatMap((image) => image.RepoTags ?? [])) {
    // A name for a push, which a Berth that was killed in it leaves behind, goes as well.
    if (used.has(tag) || !(ownerOfBuilt(tag) === id || isPublished(tag))) continue
    await client.json('DELETE', `/images/${tag}`).catch((error: unknown) => {
      if (!isStatus(error, 404, 409)) throw error
    })
  }
}
