import { IconX } from '@tabler/icons-react'
import type { MouseEvent, ReactNode } from 'react'
import type { Session } from '#contract'
import styles from './panes.module.css'
import { tabHint } from './service-menu'

interface PaneHeaderProps {
  readonly session: Session
  /** In place of the name while that is changed. */
  readonly field: ReactNode
  readonly onFront: () => void
  readonly onRename: () => void
  readonly onClose: () => void
  readonly onMenu: (event: MouseEvent) => void
}

/** What a pane of a split tab is, and how it is closed. For the pointer: the keyboard has commands for all of it. */
export function PaneHeader({ session, field, onFront, onRename, onClose, onMenu }: PaneHeaderProps) {
  const ended = session.state === 'ended'
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: as above
    // biome-ignore lint/a11y/useKeyWithClickEvents: as above
    <div className={styles.header} onClick={onFront} onContextMenu={onMenu}>
      {field ?? (
        // biome-ignore lint/a11y/noStaticElementInteractions: as above
        <span className={styles.name} title={tabHint(session)} onDoubleClick={onRename}>
          {session.title}
        </span>
      )}
      {ended ? <span className={styles.ended}>ended</span> : null}
      <button
        type="button"
        className={styles.close}
        aria-hidden
        title="Close"
        tabIndex={-1}
        onClick={(event) => {
          event.stopPropagation()
          onClose()
        }}
      >
        <IconX size={12} />
      </button>
    </div>
  )
}
