import type { Problem } from '#contract'
import { ProblemCard } from '../ui/problem-card'
import { carryOut, copyText } from './actions'

interface ProblemViewProps {
  readonly problem: Problem
  /** What a `retry` remedy does. Without it such a remedy is not offered. */
  readonly onRetry?: (() => void) | undefined
  readonly tone?: 'failure' | 'warning'
}

/** A Problem of the contract, with its remedies as buttons that work. */
export function ProblemView({ problem, onRetry, tone }: ProblemViewProps) {
  const offered = (problem.actions ?? []).filter((action) => action.kind !== 'retry' || onRetry)
  const actions = offered.map((action) => ({ label: action.label, run: () => carryOut(action, onRetry) }))
  // Checking a target again is how it is tried again, and starting a workspace how that is.
  const retried = offered.some(
    (action) =>
      action.kind === 'retry' ||
      action.kind === 'probe' ||
      (action.kind === 'workspace' && action.verb === 'start'),
  )
  if (onRetry && !retried) {
    actions.push({ label: 'Try again', run: onRetry })
  }
  return <ProblemCard problem={problem} actions={actions} onCopy={(text) => copyText(text)} tone={tone} />
}
