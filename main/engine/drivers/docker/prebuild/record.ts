import { type PrebuildMark, PrebuildRecord } from '#contract'
import { parseJson } from '../../shared/description'
import { labels } from '../container/anatomy'

/** The record among an image's or container's labels; undefined where there is none that this Berth understands. */
export function recordOf(
  from: Readonly<Record<string, string>> | null | undefined,
): PrebuildRecord | undefined {
  const parsed = PrebuildRecord.safeParse(parseJson(from?.[labels.prebuild]))
  return parsed.success ? parsed.data : undefined
}

/** What a container was made from: an image's labels are its containers' too. */
export function markOf(from: Readonly<Record<string, string>> | null | undefined): PrebuildMark | undefined {
  const record = recordOf(from)
  return record && { id: record.id, madeAt: record.madeAt, commit: record.commit }
}
