import { UnstyledButton } from '@mantine/core'
import { IconCheck, IconChevronRight, IconMinus, IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import styles from './timeline.module.css'

export interface TimelineStep {
  readonly id: string
  readonly title: string
  readonly state: 'pending' | 'running' | 'done' | 'failed' | 'skipped' | 'cancelled'
  /** What it is doing just now. */
  readonly detail?: string | undefined
  /** `12 MB of 80 MB`. */
  readonly progress?: string | undefined
  /** 0 to 1; absent while the end is not known. */
  readonly fraction?: number | undefined
  /** How long it took, or has taken. */
  readonly elapsed?: string | undefined
  /** Whether it has something to unfold. */
  readonly unfolds?: boolean
}

interface TimelineProps {
  readonly label: string
  readonly steps: readonly TimelineStep[]
  readonly openStep: string | undefined
  readonly onToggle: (stepId: string) => void
  /** What a step unfolds to. */
  readonly children: (stepId: string) => ReactNode
}

const stateWords: Record<TimelineStep['state'], string> = {
  pending: 'not begun',
  running: 'under way',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
  cancelled: 'cancelled',
}

/** Steps from top to bottom with their state, progress and time; each unfolds to what it printed. */
export function Timeline({ label, steps, openStep, onToggle, children }: TimelineProps) {
  return (
    <ol className={styles.timeline} aria-label={label}>
      {steps.map((step) => {
        const open = step.id === openStep && step.unfolds
        return (
          <li
            key={step.id}
            className={styles.step}
            data-state={step.state}
            aria-current={step.state === 'running' ? 'step' : undefined}
          >
            <span className={styles.marker} aria-hidden>
              {step.state === 'done' ? <IconCheck size={11} stroke={3} /> : null}
              {step.state === 'failed' ? <IconX size={11} stroke={3} /> : null}
              {step.state === 'skipped' || step.state === 'cancelled' ? (
                <IconMinus size={11} stroke={3} />
              ) : null}
            </span>
            <div className={styles.body}>
              <UnstyledButton
                className={styles.head}
                disabled={!step.unfolds}
                aria-expanded={step.unfolds ? Boolean(open) : undefined}
                onClick={() => onToggle(step.id)}
              >
                <span className={styles.title}>{step.title}</span>
                <span className="visually-hidden">, {stateWords[step.state]}</span>
                <span className={styles.detail} title={step.detail}>
                  {step.detail}
                </span>
                {step.progress ? <span className={styles.number}>{step.progress}</span> : null}
                {step.elapsed ? <span className={styles.number}>{step.elapsed}</span> : null}
                <IconChevronRight
                  size={14}
                  className={styles.chevron}
                  data-open={open || undefined}
                  data-hidden={!step.unfolds || undefined}
                  aria-hidden
                />
              </UnstyledButton>
              {step.state === 'running' ? <ProgressBar fraction={step.fraction} label={step.title} /> : null}
              {open ? <div className={styles.unfolded}>{children(step.id)}</div> : null}
            </div>
          </li>
        )
      })}
    </ol>
  )
}

/** A thin bar; it wanders while the end is not known. */
export function ProgressBar({
  fraction,
  label,
}: {
  readonly fraction?: number | undefined
  readonly label: string
}) {
  const percent = fraction === undefined ? undefined : Math.round(fraction * 100)
  return (
    <div
      className={styles.bar}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div
        className={styles.fill}
        data-unknown={percent === undefined || undefined}
        style={percent === undefined ? undefined : { width: `${percent}%` }}
      />
    </div>
  )
}
