import type { Problem, Target } from '#contract'

/** What of the form decides whether a workspace can be made now. */
export interface Readiness {
  readonly hasSource: boolean
  /** The source is still being read. */
  readonly isReading: boolean
  readonly nameProblem: string | undefined
  readonly target: Pick<Target, 'state'> | undefined
  readonly denied: Problem | undefined
  /** A field about the cluster has a mistake. */
  readonly hasFaults: boolean
  /** It does not fit into its namespace. */
  readonly isShortOfRoom: boolean
  /** The definition that was given has a mistake. */
  readonly faulty: boolean
  /** A team policy refuses it. */
  readonly refused: boolean
  /** Secrets of the build that are to be given and are not there yet. */
  readonly unfinished: readonly string[]
}

/** Why no workspace can be made as the form is, in a sentence; undefined where one can. */
export function hindrance(form: Readiness): string | undefined {
  if (!form.hasSource) return form.isReading ? 'Reading the source…' : 'Say first what it is to be made of.'
  if (!form.target) return 'There is no target to make it on.'
  if (form.denied) return 'You may not make workspaces on this target.'
  if (form.nameProblem !== undefined) return 'The name cannot be used.'
  if (form.hasFaults) return 'A field about the cluster has a mistake.'
  if (form.isShortOfRoom) return 'There is no room for it in the namespace.'
  if (form.faulty) return 'The definition has a mistake.'
  if (form.refused) return 'A policy of your team does not allow it.'
  const [first] = form.unfinished
  return first === undefined ? undefined : `Give the build’s secret ${first}, or choose “Not given”.`
}
