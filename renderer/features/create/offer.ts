import type { Problem, Proposal, ProposalReason } from '#contract'

/** A definition that is used in place of what the source has. */
export interface Given {
  readonly text: string
  /** What it began as; absent where it comes from an earlier attempt. */
  readonly proposal?: Proposal
  /** Whether its text is in view. */
  readonly isOpen: boolean
}

/** What is proposed, in a few words each, and the files that say so: each once. */
export function summaryOf(reasons: readonly ProposalReason[]): {
  readonly what: readonly string[]
  readonly because: readonly string[]
} {
  return {
    what: [...new Set(reasons.map(({ what }) => what))],
    because: [...new Set(reasons.map(({ because }) => because))],
  }
}

/** The line of a mistake in a definition that was given; undefined for other Problems. */
export function faultLineOf(problem: Problem | undefined): number | undefined {
  if (problem?.code !== 'definition-invalid') return undefined
  const line = /^[^\n]*:(\d+):\d+(?:\n|$)/.exec(problem.detail ?? '')?.[1]
  return line === undefined ? undefined : Number(line)
}
