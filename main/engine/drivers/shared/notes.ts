import { LastStop, StoredIdlePolicy } from '#contract'
import type { ObservedWorkspace, WorkspaceNotes } from '../driver'
import { parseJson } from './description'

/** Where notes stand: labels of a volume on Docker, annotations of the claim on Kubernetes. */
export const noteKeys = { idle: 'berth.dev/idle', lastStop: 'berth.dev/last-stop' } as const

/** Whether an annotation or label is a note. */
export const isNoteKey = (key: string) => Object.values<string>(noteKeys).includes(key)

/** Notes by key, as text; null where one is to go. */
export function writeNotes({ idle, lastStop }: WorkspaceNotes): Record<string, string | null> {
  const text = (value: object | null) => (value === null ? null : JSON.stringify(value))
  return {
    ...(idle !== undefined && { [noteKeys.idle]: text(idle) }),
    ...(lastStop !== undefined && { [noteKeys.lastStop]: text(lastStop) }),
  }
}

/** What is not understood is left out. */
export function readNotes(
  from: Readonly<Record<string, string>> | null | undefined,
): Pick<ObservedWorkspace, 'idle' | 'lastStop'> {
  const idle = StoredIdlePolicy.safeParse(parseJson(from?.[noteKeys.idle])).data
  const lastStop = LastStop.safeParse(parseJson(from?.[noteKeys.lastStop])).data
  return { ...(idle && { idle }), ...(lastStop && { lastStop }) }
}
