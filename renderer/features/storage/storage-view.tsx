import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import type { Operation } from '#contract'
import { useCollection } from '../../lib/hooks'
import { askForPrebuild, mayHavePrebuilds } from '../../lib/prebuilds'
import { Page } from '../../ui/page'
import { PrebuildsSection } from './prebuilds-section'
import { SnapshotsSection } from './snapshots-section'
import styles from './storage.module.css'

/** How another feature shows an operation. */
export interface OperationPanels {
  readonly operation: (operation: Operation) => ReactNode
  readonly strip: (operation: Operation, open: boolean, onToggle: () => void) => ReactNode
}

/** What targets keep beside their workspaces: prebuilds, and data whose workspace is gone. */
export function StorageView({ panels }: { readonly panels: OperationPanels }) {
  const able = useCollection('targets').some(mayHavePrebuilds)
  const making = useCollection('operations').filter(({ kind }) => kind === 'prebuild')
  return (
    <Page
      title="Storage"
      subtitle="What your targets keep beside the workspaces."
      width="reading"
      actions={
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          disabled={!able}
          onClick={() => askForPrebuild()}
        >
          New prebuild…
        </Button>
      }
    >
      {making.length > 0 ? (
        <ul className={styles.operations} aria-label="Prebuilds under way">
          {making.map((operation) => (
            <Making key={operation.id} operation={operation} panels={panels} />
          ))}
        </ul>
      ) : null}
      <PrebuildsSection />
      <SnapshotsSection />
    </Page>
  )
}

function Making({ operation, panels }: { readonly operation: Operation; readonly panels: OperationPanels }) {
  // A failure unfolds by itself; what the user did goes over that.
  const [toggled, setToggled] = useState<boolean | undefined>()
  const open = toggled ?? operation.state === 'failed'
  return (
    <li className={styles.operation}>
      {panels.strip(operation, open, () => setToggled(!open))}
      {open ? <div className={styles.steps}>{panels.operation(operation)}</div> : null}
    </li>
  )
}
