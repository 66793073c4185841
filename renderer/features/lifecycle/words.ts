import type { Survival } from '#contract'
import { count } from '../../lib/format'

export type AskedVerb = 'stop' | 'force-stop' | 'restart' | 'rebuild' | 'delete'

export interface VerbWords {
  readonly question: (name: string) => string
  readonly effect: string
  readonly confirm: string
  /** It takes something away for good. */
  readonly destructive: boolean
}

export const verbWords: Readonly<Record<AskedVerb, VerbWords>> = {
  stop: {
    question: (name) => `Stop ${name}?`,
    effect: 'Everything that runs in it is asked to end, then ended.',
    confirm: 'Stop',
    destructive: false,
  },
  'force-stop': {
    question: (name) => `End ${name} by force?`,
    effect: 'It is stopped without asking what runs in it, and without waiting for an answer.',
    confirm: 'End by force',
    destructive: true,
  },
  restart: {
    question: (name) => `Restart ${name}?`,
    effect: 'Everything that runs in it ends; then the workspace starts again.',
    confirm: 'Restart',
    destructive: false,
  },
  rebuild: {
    question: (name) => `Rebuild ${name}?`,
    effect: 'Its container is made anew from the definition as it is now.',
    confirm: 'Rebuild',
    destructive: false,
  },
  delete: {
    question: (name) => `Delete ${name}?`,
    effect: 'The container and its volumes are removed. This cannot be undone.',
    confirm: 'Delete for good',
    destructive: true,
  },
}

type Unsaved = Survival['unsaved'][number]

/** Work in a repository that exists nowhere else, in words; empty when there is none. */
export function unsavedWork({ uncommitted, untracked, unpushed, stashed }: Unsaved): string {
  const parts: string[] = []
  if (uncommitted > 0) parts.push(count(uncommitted, 'uncommitted change'))
  if (untracked > 0) parts.push(count(untracked, 'untracked file'))
  if (unpushed > 0) parts.push(count(unpushed, 'unpushed commit'))
  if (stashed > 0) parts.push(count(stashed, 'stash', 'stashes'))
  return parts.join(', ')
}

/** What is kept and lost, by what the user says to the snapshots. */
export function withSnapshots(
  { kept, lost }: Pick<Survival, 'kept' | 'lost'>,
  keepsSnapshots: boolean,
): Pick<Survival, 'kept' | 'lost'> {
  if (!keepsSnapshots) return { kept, lost }
  const keepable = lost.filter((entry) => entry.keepable)
  return { kept: [...kept, ...keepable], lost: lost.filter((entry) => !entry.keepable) }
}
