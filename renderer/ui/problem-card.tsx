import { Button, UnstyledButton } from '@mantine/core'
import { IconAlertTriangle, IconChevronRight } from '@tabler/icons-react'
import { useId, useState } from 'react'
import { CopyButton } from './copy-button'
import styles from './problem-card.module.css'

/** A failure as a person meets it; the fields of the contract's Problem. */
export interface ProblemText {
  readonly code: string
  readonly title: string
  readonly cause: string
  readonly remedy: string
  readonly detail?: string | undefined
}

interface ProblemCardProps {
  readonly problem: ProblemText
  readonly actions?: readonly { readonly label: string; readonly run: () => void }[]
  readonly onCopy: (text: string) => Promise<boolean>
  /** `warning` for what does not stop the user. */
  readonly tone?: 'failure' | 'warning'
}

/** The one way in which the window shows a failure: what failed, why, what to do, the raw words on demand. */
export function ProblemCard({ problem, actions = [], onCopy, tone = 'failure' }: ProblemCardProps) {
  const [open, setOpen] = useState(false)
  const detailId = useId()
  return (
    <section className={styles.card} data-tone={tone} role="alert" aria-label={problem.title}>
      <IconAlertTriangle size={16} className={styles.icon} aria-hidden />
      <div className={styles.body}>
        <div className={styles.heading}>
          <h2 className={styles.title}>{problem.title}</h2>
          <CopyButton what="problem" onCopy={() => onCopy(problemAsText(problem))} />
        </div>
        <p className={styles.text}>{problem.cause}</p>
        {problem.remedy ? <p className={styles.remedy}>{problem.remedy}</p> : null}
        {actions.length > 0 ? (
          <div className={styles.actions}>
            {actions.map((action, index) => (
              <Button
                key={action.label}
                size="compact-sm"
                variant={index === 0 ? 'filled' : 'default'}
                onClick={action.run}
              >
                {action.label}
              </Button>
            ))}
          </div>
        ) : null}
        {problem.detail ? (
          <>
            <UnstyledButton
              className={styles.more}
              aria-expanded={open}
              aria-controls={open ? detailId : undefined}
              onClick={() => setOpen(!open)}
            >
              <IconChevronRight size={13} data-open={open || undefined} aria-hidden />
              {open ? 'Hide detail' : 'Show detail'}
              <span className={styles.code}>{problem.code}</span>
            </UnstyledButton>
            {open ? (
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard
              <pre id={detailId} className={styles.detail} tabIndex={0}>
                {problem.detail}
              </pre>
            ) : null}
          </>
        ) : null}
      </div>
    </section>
  )
}

/** The whole Problem as text, for a bug report or a colleague. */
export function problemAsText({ code, title, cause, remedy, detail }: ProblemText): string {
  return [`${title} (${code})`, cause, remedy, detail].filter(Boolean).join('\n\n')
}
