import { Button } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { request } from '../../lib/engine'
import { useCollection } from '../../lib/hooks'
import { openWorkspace } from '../../lib/navigation'
import { IconButton } from '../../ui/icon-button'
import { StateDot } from '../../ui/state-dot'
import styles from './operations.module.css'
import { operationTitle } from './words'

/** Creations that failed and left no workspace: nothing else in the lists leads to them. */
export function FailedCreates() {
  const operations = useCollection('operations')
  const workspaces = new Set(useCollection('workspaces').map(({ id }) => id))
  const failed = operations.filter(
    ({ kind, state, workspaceId }) => kind === 'create' && state === 'failed' && !workspaces.has(workspaceId),
  )
  if (failed.length === 0) return null
  return (
    <ul className={styles.failures} aria-label="Failed creations">
      {failed.map((operation) => (
        <li key={operation.id} className={styles.strip} data-state="failed">
          <div className={styles.line}>
            <StateDot tone="bad" />
            <span className={styles.stripTitle}>{operationTitle(operation, 0)}</span>
            <span className={styles.stripStep} title={operation.problem?.title}>
              {operation.problem?.title}
            </span>
            <Button
              variant="subtle"
              color="gray"
              size="compact-sm"
              onClick={() => openWorkspace(operation.workspaceId, 'terminals')}
            >
              Show
            </Button>
            <IconButton
              label={`Dismiss the failed creation of ${operation.workspaceName}`}
              onClick={() => void request('operations.dismiss', { operationId: operation.id })}
            >
              <IconX size={14} />
            </IconButton>
          </div>
        </li>
      ))}
    </ul>
  )
}
