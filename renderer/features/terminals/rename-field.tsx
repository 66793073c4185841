import styles from './terminals.module.css'

interface RenameFieldProps {
  readonly title: string
  /** What was typed, where that is another name. */
  readonly onRename: (title: string) => void
  /** The field has lost the keyboard, in whatever way. */
  readonly onClose: () => void
  /** The user is done with the name, and with the keyboard. */
  readonly onDone: () => void
}

/** In place of a terminal's name while that is changed. */
export function RenameField({ title, onRename, onClose, onDone }: RenameFieldProps) {
  return (
    <input
      className={styles.rename}
      aria-label="Name of the terminal"
      defaultValue={title}
      maxLength={200}
      // biome-ignore lint/a11y/noAutofocus: the user asked for this field just now
      autoFocus
      onFocus={(event) => event.currentTarget.select()}
      onBlur={(event) => {
        onClose()
        if (event.currentTarget.value.trim() !== title) onRename(event.currentTarget.value)
      }}
      onKeyDown={(event) => {
        event.stopPropagation()
        if (event.key === 'Escape') event.currentTarget.value = title
        else if (event.key !== 'Enter') return
        // The terminal gets the keyboard, and nothing of this press.
        event.preventDefault()
        event.currentTarget.blur()
        onDone()
      }}
    />
  )
}
