import { Button, Group, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Workspace } from '#contract'
import { nameFault } from '../../lib/format'
import { useRequest } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Dialog } from '../../ui/dialog'
import styles from './lifecycle.module.css'

interface RenameDialogProps {
  readonly workspace: Workspace
  readonly onClose: () => void
}

export function RenameDialog({ workspace, onClose }: RenameDialogProps) {
  const [name, setName] = useState(workspace.name)
  const rename = useRequest('workspaces.rename')
  const fault = nameFault(name)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (fault) return
    if (name === workspace.name) return onClose()
    const result = await rename.run({ workspaceId: workspace.id, name })
    if (result.ok) onClose()
  }
  return (
    <Dialog title={`Rename ${workspace.name}`} onClose={onClose}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <TextInput
          label="Name"
          description="Its URLs change with it; addresses opened before stop working."
          data-autofocus
          value={name}
          error={name === '' ? undefined : fault}
          onChange={(event) => setName(event.currentTarget.value.toLowerCase().replaceAll(' ', '-'))}
        />
        {rename.problem ? <ProblemView problem={rename.problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={fault !== undefined} loading={rename.busy}>
            Rename
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}
