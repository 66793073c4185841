import type { V1Pod } from '@kubernetes/client-node'
import type { Problem, ProblemAction } from '#contract'

/** What a rebuild can cure: the definition, the image or what was made of them is at fault. */
const rebuilt: ReadonlySet<Problem['code']> = new Set([
  'image-not-found',
  'image-platform',
  'secret-missing',
  'admission-denied',
  'workspace-exited',
  'create-failed',
])

export interface Plight {
  readonly workspaceId: string
  readonly pod: V1Pod | undefined
  /** The cluster goes on trying to have it run. */
  readonly wanted: boolean
}

/** A Problem with what can be done about it. All of it keeps source and home. */
export function withRemedies(problem: Problem, { workspaceId, pod, wanted }: Plight): Problem {
  const verb = (
    name: Extract<ProblemAction, { kind: 'workspace' }>['verb'],
    label: string,
  ): ProblemAction => ({ kind: 'workspace', label, verb: name, workspaceId })
  if (problem.actions?.some(({ kind }) => kind === 'workspace')) return problem
  const forced = problem.code === 'node-lost' && pod !== undefined
  const again = wanted && !forced && pod?.metadata?.deletionTimestamp === undefined
  const actions = [
    ...(forced ? [verb('force-stop', 'End by force…')] : []),
    ...(again ? [verb('start', 'Try again')] : []),
    ...(again && rebuilt.has(problem.code) ? [verb('rebuild', 'Rebuild…')] : []),
    ...(again ? [verb('stop', 'Stop trying…')] : []),
  ]
  if (actions.length === 0) return problem
  const rest = (problem.actions ?? []).filter(({ kind }) => kind !== 'retry')
  return { ...problem, actions: [...actions, ...rest] }
}
