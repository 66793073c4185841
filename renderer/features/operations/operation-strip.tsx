import { Button } from '@mantine/core'
import { IconChevronDown, IconX } from '@tabler/icons-react'
import type { Operation } from '#contract'
import { request } from '../../lib/engine'
import { formatProgress, progressFraction } from '../../lib/format'
import { useNow } from '../../lib/hooks'
import { cancelOperation } from '../../lib/lifecycle'
import { IconButton } from '../../ui/icon-button'
import { StateDot } from '../../ui/state-dot'
import { ProgressBar } from '../../ui/timeline'
import styles from './operations.module.css'
import { operationTitle } from './words'

interface OperationStripProps {
  readonly operation: Operation
  readonly open: boolean
  readonly onToggle: () => void
}

/** An operation in one line, for where the workspace itself is in view. */
export function OperationStrip({ operation, open, onToggle }: OperationStripProps) {
  const running = operation.state === 'running'
  const now = useNow(1000, running)
  const step = operation.steps.find((one) => one.state === 'running')
  return (
    <div className={styles.strip} role="status" data-state={operation.state}>
      <div className={styles.line}>
        <StateDot tone={running ? 'busy' : operation.state === 'failed' ? 'bad' : 'good'} />
        <span className={styles.stripTitle}>{operationTitle(operation, now)}</span>
        <span className={styles.stripStep} title={step?.detail}>
          {step ? [step.title, step.detail].filter(Boolean).join(' · ') : null}
        </span>
        {step?.progress ? <span className={styles.number}>{formatProgress(step.progress)}</span> : null}
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          aria-expanded={open}
          rightSection={
            <IconChevronDown size={13} className={styles.chevron} data-open={open || undefined} />
          }
          onClick={onToggle}
        >
          {open ? 'Hide steps' : 'Show steps'}
        </Button>
        {running ? (
          <Button
            variant="subtle"
            color="gray"
            size="compact-sm"
            disabled={operation.cancelling}
            onClick={() => void cancelOperation(operation.id)}
          >
            {operation.cancelling ? 'Cancelling…' : 'Cancel'}
          </Button>
        ) : (
          <IconButton
            label="Dismiss"
            onClick={() => void request('operations.dismiss', { operationId: operation.id })}
          >
            <IconX size={14} />
          </IconButton>
        )}
      </div>
      {running ? (
        <div className={styles.stripBar}>
          <ProgressBar
            fraction={step?.progress && progressFraction(step.progress)}
            label={operationTitle(operation, now)}
          />
        </div>
      ) : null}
    </div>
  )
}
