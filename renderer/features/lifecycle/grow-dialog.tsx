import { Button, Group, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Workspace } from '#contract'
import { amountFault } from '../../lib/format'
import { useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Dialog } from '../../ui/dialog'
import styles from './lifecycle.module.css'

interface GrowDialogProps {
  readonly workspace: Workspace
  readonly onClose: () => void
}

/** Asks for the size that a workspace's volume is to have. */
export function GrowDialog({ workspace, onClose }: GrowDialogProps) {
  const [storage, setStorage] = useState('')
  const grow = useRequest('workspaces.grow')
  const fault = amountFault(storage)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (fault) return
    const result = await grow.run({ workspaceId: workspace.id, storage })
    if (result.ok) onClose()
  }
  const { size, asked, storageClass } = workspace.volume ?? {}
  const now = [
    size && `It has ${size}`,
    asked && `is to have ${asked}`,
    storageClass && `is of the storage class ${storageClass}`,
  ]
  return (
    <Dialog title={`Grow the volume of ${workspace.name}`} onClose={onClose}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <p className={styles.text}>
          It keeps all that is on it, and the workspace goes on. A volume never shrinks again.
        </p>
        <TextInput
          label="New size"
          description={`${now.filter(Boolean).join(', ')}. Write an amount as Kubernetes does: 20Gi, 500Gi.`}
          data-autofocus
          value={storage}
          error={storage === '' ? undefined : fault}
          onChange={(event) => setStorage(event.currentTarget.value.trim())}
        />
        {grow.problem ? <ProblemView problem={grow.problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={fault !== undefined} loading={grow.busy}>
            Grow
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}
