import { Button, Group } from '@mantine/core'
import { Dialog } from '../../ui/dialog'
import { Mono } from '../../ui/facts'
import styles from './terminals.module.css'

interface CloseDialogProps {
  /** The terminal's. */
  readonly title: string
  /** Command line of what runs in it. */
  readonly command: string
  readonly onCancel: () => void
  readonly onClose: () => void
}

/** Programs may give their terminal a title as long as they like. */
const LONGEST_TITLE = 60

/** Asks before something that runs is ended with its terminal. */
export function CloseDialog({ title, command, onCancel, onClose }: CloseDialogProps) {
  const name = title.length > LONGEST_TITLE ? `${title.slice(0, LONGEST_TITLE)}…` : title
  return (
    <Dialog title={`Close ${name}?`} onClose={onCancel}>
      <p className={styles.asked}>This still runs in it, and ends with it:</p>
      <div className={styles.process}>
        <Mono>{command}</Mono>
      </div>
      <Group justify="flex-end" gap={8} mt={16}>
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button data-autofocus onClick={onClose}>
          Close terminal
        </Button>
      </Group>
    </Dialog>
  )
}
