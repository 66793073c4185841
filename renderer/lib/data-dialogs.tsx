import { Button, Checkbox, Group, NativeSelect } from '@mantine/core'
import { type FormEvent, useCallback, useEffect, useState } from 'react'
import type { DataPlan, DataSource, Workspace } from '#contract'
import { Dialog } from '../ui/dialog'
import styles from './data-dialogs.module.css'
import { useCollection, useRequest } from './hooks'
import { ProblemView } from './problem-view'

/** Something that is to be done with data, and has to be confirmed. */
export interface DataQuestion {
  readonly kind: 'restore' | 'clone' | 'remove'
  readonly from: DataSource
  /** What the snapshot, or the workspace, is called. */
  readonly label: string
}

interface DataQuestionProps {
  readonly question: DataQuestion
  /** Whose data it is; absent: it is gone, and nothing can be put back into it. */
  readonly workspace?: Workspace | undefined
  readonly targetId: string
  readonly onClose: () => void
}

/** Asks before data is replaced or removed, and says what is lost. */
export function DataQuestionDialog(props: DataQuestionProps) {
  return props.question.kind === 'remove' ? <RemoveDialog {...props} /> : <PutDialog {...props} />
}

function RemoveDialog({ question: { from, label }, workspace, targetId, onClose }: DataQuestionProps) {
  const remove = useRequest('data.remove')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const { workspaceId, snapshotId = '' } = from
    const result = await remove.run({ targetId, workspaceId, snapshotId })
    if (result.ok) onClose()
  }
  return (
    <Dialog title={`Delete the snapshot ${label}?`} onClose={onClose}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <p className={styles.text}>
          It cannot be restored any more.{workspace ? ' The data of the workspace stays as it is.' : ''}
        </p>
        {remove.problem ? <ProblemView problem={remove.problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button type="submit" color="red" loading={remove.busy}>
            Delete
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}

function PutDialog({ question: { kind, from, label }, workspace, onClose }: DataQuestionProps) {
  const all = useCollection('workspaces')
  const others = all.filter(({ id }) => id !== workspace?.id)
  const [chosen, setChosen] = useState('')
  const [keepsOld, setKeepsOld] = useState(true)
  const plan = useRequest('data.plan')
  const restore = useRequest('data.restore')
  const into = kind === 'restore' && workspace ? workspace.id : chosen
  const ask = plan.run
  const load = useCallback(() => {
    if (into !== '') void ask({ workspaceId: into, from })
  }, [ask, into, from])
  useEffect(load, [load])
  const ready = into !== '' && plan.value !== undefined && plan.value.replaced.length > 0
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!ready) return
    const result = await restore.run({ workspaceId: into, from, snapshotFirst: keepsOld })
    if (result.ok) onClose()
  }
  return (
    <Dialog
      title={kind === 'restore' ? `Restore ${label}?` : `Copy the data of ${label}`}
      onClose={onClose}
      size={520}
    >
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        {kind === 'clone' ? (
          <NativeSelect
            label="Into"
            description="Volumes with the same names get the data."
            data-autofocus
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={[
              { value: '', label: others.length > 0 ? 'Choose a workspace' : 'There is no other workspace' },
              ...others.map(({ id, name }) => ({ value: id, label: name })),
            ]}
          />
        ) : null}
        {plan.value && into !== '' ? <Plan plan={plan.value} keepsOld={keepsOld} /> : null}
        {plan.problem ? <ProblemView problem={plan.problem} onRetry={load} tone="warning" /> : null}
        <Checkbox
          label="Take a snapshot of what is there first"
          checked={keepsOld}
          onChange={(event) => setKeepsOld(event.currentTarget.checked)}
        />
        {restore.problem ? <ProblemView problem={restore.problem} /> : null}
        <Group justify="flex-end" gap={8}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" color={keepsOld ? undefined : 'red'} disabled={!ready} loading={restore.busy}>
            {kind === 'restore' ? 'Restore' : 'Copy'}
          </Button>
        </Group>
      </form>
    </Dialog>
  )
}

function Plan({ plan, keepsOld }: { readonly plan: DataPlan; readonly keepsOld: boolean }) {
  const { replaced, left, unused, stops, warnings } = plan
  const lines = [
    replaced.length === 0
      ? 'No volume has the same name in both: nothing would be copied.'
      : `${keepsOld ? 'Replaced' : 'Lost'}: what ${replaced.join(', ')} ${replaced.length > 1 ? 'hold' : 'holds'} now.`,
    ...(left.length > 0 ? [`Left as it is: ${left.join(', ')}.`] : []),
    ...(unused.length > 0 ? [`Not used: ${unused.join(', ')}.`] : []),
    ...(stops.length > 0 ? [`Stopped meanwhile, and started again: ${stops.join('; ')}.`] : []),
    ...warnings,
  ]
  return (
    <ul className={styles.list} aria-label="What happens">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  )
}
