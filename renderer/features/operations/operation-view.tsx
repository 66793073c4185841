import { Button } from '@mantine/core'
import { useState } from 'react'
import type { Operation } from '#contract'
import { useNow } from '../../lib/hooks'
import { cancelOperation } from '../../lib/lifecycle'
import { ProblemView } from '../../lib/problem-view'
import type { LogBlock } from '../../ui/log-buffer'
import { LogView } from '../../ui/log-view'
import { Timeline } from '../../ui/timeline'
import styles from './operations.module.css'
import { useOutput } from './use-output'
import { operationTitle, timelineStep } from './words'

interface OperationViewProps {
  readonly operation: Operation
  /** Does the same again; offered after a failure or a cancel. */
  readonly onRetry?: (() => void) | undefined
  /** Goes back to what was asked for, to ask for something else. */
  readonly onChange?: (() => void) | undefined
  /** Leaves it; offered when it has ended. */
  readonly onDismiss?: (() => void) | undefined
  /** It unfolds from its strip, which already has title, cancel and close. */
  readonly inStrip?: boolean
}

/** One operation from its first step to its end: what runs, how far it is, what it prints, why it failed. */
export function OperationView({
  operation,
  onRetry,
  onChange,
  onDismiss,
  inStrip = false,
}: OperationViewProps) {
  const running = operation.state === 'running'
  const now = useNow(500, running)
  const output = useOutput(operation.id)
  // What the user opened or closed goes over what opens by itself: the step that runs, or that failed.
  const [chosen, setChosen] = useState<{ readonly step: string | undefined } | undefined>()
  const speaking = operation.steps.find((step) => step.state === 'failed' || step.state === 'running')?.id
  const open = chosen ? chosen.step : speaking
  return (
    <section
      className={styles.operation}
      data-in-strip={inStrip || undefined}
      aria-label={operationTitle(operation, now)}
    >
      {inStrip ? null : (
        <header className={styles.header}>
          <h1 className={styles.title}>{operationTitle(operation, now)}</h1>
          {running ? (
            <Button
              variant="default"
              size="compact-sm"
              disabled={operation.cancelling}
              onClick={() => void cancelOperation(operation.id)}
            >
              {operation.cancelling ? 'Cancelling…' : 'Cancel'}
            </Button>
          ) : null}
        </header>
      )}
      {operation.problem && operation.state === 'failed' ? (
        <div className={styles.problem}>
          <ProblemView problem={operation.problem} onRetry={onRetry} />
        </div>
      ) : null}
      <Timeline
        label="Steps"
        steps={operation.steps.map((step) => timelineStep(step, now, output.has(step.id)))}
        openStep={open}
        onToggle={(step) => setChosen({ step: step === open ? undefined : step })}
      >
        {(step) => <StepOutput key={step} blocks={output.get(step) ?? []} />}
      </Timeline>
      {running ? null : (
        <footer className={styles.footer}>
          {operation.state === 'cancelled' ? (
            <span className={styles.note}>Nothing of it was left behind.</span>
          ) : null}
          {operation.state === 'cancelled' && onRetry ? (
            <Button variant="default" onClick={onRetry}>
              Do it again
            </Button>
          ) : null}
          {onChange && operation.state !== 'succeeded' ? (
            <Button variant="default" onClick={onChange}>
              Change it…
            </Button>
          ) : null}
          {onDismiss && !inStrip ? (
            <Button variant="default" onClick={onDismiss}>
              Close
            </Button>
          ) : null}
        </footer>
      )}
    </section>
  )
}

function StepOutput({ blocks }: { readonly blocks: readonly LogBlock[] }) {
  const [follow, setFollow] = useState(true)
  return (
    <div className={styles.output}>
      <LogView
        label="Output of this step"
        blocks={blocks}
        follow={follow}
        onFollow={setFollow}
        wrap
        maxHeight={300}
      />
    </div>
  )
}
