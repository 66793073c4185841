import { Button, Group } from '@mantine/core'
import type { SshConfigStatus } from '#contract'
import { useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Dialog } from '../../ui/dialog'
import styles from './open-in.module.css'

interface ConsentDialogProps {
  /** What needs it. */
  readonly who: string
  /** Of the button that consents. */
  readonly label: string
  readonly status: SshConfigStatus
  readonly onClose: () => void
  /** The line is there. */
  readonly onDone: () => void
}

/** Asks before anything of the user's own configuration is changed, and shows what. */
export function ConsentDialog({ who, label, status, onClose, onDone }: ConsentDialogProps) {
  const change = useRequest('access.setSshConfig')
  const add = async () => {
    const result = await change.run({ isInstalled: true })
    if (result.ok) onDone()
  }
  return (
    <Dialog title="Let SSH know your workspaces?" onClose={onClose}>
      <div className={styles.consent}>
        <p className={styles.words}>
          {who} reaches a workspace over SSH. For that, Berth puts this line first in {status.file}:
        </p>
        <code className={styles.line}>{status.line}</code>
        <p className={styles.words}>
          Nothing else in it changes, it holds for hosts that end with .berth only, and Settings takes it out
          again.
        </p>
        {change.problem ? <ProblemView problem={change.problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button data-autofocus loading={change.busy} onClick={() => void add()}>
            {label}
          </Button>
        </Group>
      </div>
    </Dialog>
  )
}
