import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import type { SessionEnd } from '#contract'
import { ProblemView } from '../../lib/problem-view'
import styles from './terminals.module.css'

interface EndedBannerProps {
  readonly end: SessionEnd
  /** Absent while none can be opened. */
  readonly onNew: (() => void) | undefined
  readonly onClose: () => void
}

/** Says why a session ended, and offers the next one. What it printed stays above. */
export function EndedBanner({ end, onNew, onClose }: EndedBannerProps) {
  return (
    <div className={styles.ended} role="status">
      {end.problem ? (
        <div className={styles.endedProblem}>
          <ProblemView problem={end.problem} />
        </div>
      ) : (
        <span className={styles.endedText} data-bad={(end.exitCode ?? 0) !== 0 || undefined}>
          {end.message}
        </span>
      )}
      <div className={styles.endedActions}>
        <Button size="compact-sm" variant="default" onClick={onClose}>
          Close
        </Button>
        {onNew ? (
          <Button size="compact-sm" leftSection={<IconPlus size={13} />} onClick={onNew}>
            New terminal
          </Button>
        ) : null}
      </div>
    </div>
  )
}
