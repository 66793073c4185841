import { Button, Group } from '@mantine/core'
import { Dialog } from '../../ui/dialog'
import { Mono } from '../../ui/facts'
import styles from './terminals.module.css'

/** A terminal in which something runs. */
export interface Closing {
  readonly id: string
  readonly title: string
  /** Command line of what runs in it. */
  readonly command: string
}

interface CloseDialogProps {
  readonly closing: readonly Closing[]
  /** How many terminals are to be closed, with those in which nothing runs. */
  readonly count: number
  readonly onCancel: () => void
  readonly onClose: () => void
}

/** Programs may give their terminal a title as long as they like. */
const LONGEST_TITLE = 60

const short = (title: string) => (title.length > LONGEST_TITLE ? `${title.slice(0, LONGEST_TITLE)}…` : title)

/** Asks before something that runs is ended with its terminal. */
export function CloseDialog({ closing, count, onCancel, onClose }: CloseDialogProps) {
  return (
    <Dialog
      title={count > 1 ? `Close ${count} terminals?` : `Close ${short(closing[0]?.title ?? '')}?`}
      onClose={onCancel}
    >
      <p className={styles.asked}>
        {count > 1
          ? 'This still runs in them, and ends with them:'
          : 'This still runs in it, and ends with it:'}
      </p>
      {closing.map(({ id, title, command }) => (
        <div key={id} className={styles.process}>
          {count > 1 ? <div className={styles.processOf}>{short(title)}</div> : null}
          <Mono>{command}</Mono>
        </div>
      ))}
      <Group justify="flex-end" gap={8} mt={16}>
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button data-autofocus onClick={onClose}>
          {count > 1 ? 'Close terminals' : 'Close terminal'}
        </Button>
      </Group>
    </Dialog>
  )
}
