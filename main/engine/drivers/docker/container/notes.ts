import type { ObservedWorkspace, WorkspaceNotes } from '../../driver'
import { MANAGED_BY } from '../../shared/description'
import { isNoteKey, readNotes, writeNotes } from '../../shared/notes'
import type { VolumeList, VolumeSummary } from '../api'
import type { EngineClient } from '../client'
import { isStatus } from '../problems'
import { labels, managedFilter, nonce, notesVolume, workspaceFilter } from './anatomy'
import { QUICK } from './locate'

/** Of a volume of notes: when it was made, milliseconds since the epoch. */
const NOTED_AT = 'berth.dev/noted-at'

const notedAt = ({ Labels }: VolumeSummary) => Number(Labels?.[NOTED_AT] ?? 0) || 0
const isNotes = ({ Labels }: VolumeSummary) => Labels?.[labels.volume] === 'notes'

/**
 * The newest notes of each workspace. Labels cannot be changed: notes are a volume of their own, which nothing mounts,
 * and newer ones are there before the older go.
 */
export function notesOf(
  volumes: readonly VolumeSummary[],
): Map<string, Pick<ObservedWorkspace, 'idle' | 'lastStop'>> {
  const newest = new Map<string, VolumeSummary>()
  for (const volume of volumes.filter(isNotes)) {
    const id = volume.Labels?.[labels.workspace]
    const known = id === undefined ? undefined : newest.get(id)
    if (id !== undefined && (!known || notedAt(volume) >= notedAt(known))) newest.set(id, volume)
  }
  return new Map([...newest].map(([id, { Labels }]) => [id, readNotes(Labels)]))
}

/** Changes the notes of a workspace; `now` in milliseconds since the epoch. Rejects with raw errors. */
export async function changeNotes(
  client: EngineClient,
  id: string,
  notes: WorkspaceNotes,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const { Volumes } = await client.json<VolumeList>('GET', '/volumes', {
    query: { filters: JSON.stringify({ label: [managedFilter, workspaceFilter(id)] }) },
    timeout: QUICK,
    signal,
  })
  const old = (Volumes ?? []).filter(isNotes).sort((one, two) => notedAt(one) - notedAt(two))
  const before = old.at(-1)?.Labels ?? {}
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => isNoteKey(key)))
  const all = Object.entries({ ...kept, ...writeNotes(notes) }).filter(([, text]) => text !== null)
  if (all.length > 0)
    await client.json('POST', '/volumes/create', {
      json: {
        Name: notesVolume(id, nonce()),
        Labels: {
          [labels.managedBy]: MANAGED_BY,
          [labels.workspace]: id,
          [labels.volume]: 'notes',
          // Later than what it replaces, whoever's clock that went by.
          [NOTED_AT]: String(Math.max(now, ...old.map((one) => notedAt(one) + 1))),
          ...Object.fromEntries(all),
        },
      },
    })
  for (const { Name } of old)
    await client.json('DELETE', `/volumes/${Name}`).catch((error: unknown) => {
      if (!isStatus(error, 404)) throw error
    })
}
