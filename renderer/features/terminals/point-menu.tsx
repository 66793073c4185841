import { Menu } from '@mantine/core'
import type { ReactNode } from 'react'
import styles from './terminals.module.css'

/** Where the pointer was, in pixels of the window. */
export interface Point {
  readonly x: number
  readonly y: number
}

interface PointMenuProps {
  readonly label: string
  /** Absent: it is closed. */
  readonly at: Point | undefined
  readonly onClose: () => void
  /** The entries. */
  readonly children: ReactNode
}

/** A menu where the pointer is: what a right click, or the keyboard's own key for it, opens. */
export function PointMenu({ label, at, onClose, children }: PointMenuProps) {
  return (
    <Menu
      opened={at !== undefined}
      onChange={(opened) => {
        if (!opened) onClose()
      }}
      position="bottom-start"
      offset={0}
      returnFocus={false}
    >
      <Menu.Target>
        {/* Only a place; a button because a menu hangs on one. */}
        <button
          type="button"
          tabIndex={-1}
          aria-hidden
          aria-label={label}
          className={styles.menuAnchor}
          style={{ left: at?.x ?? 0, top: at?.y ?? 0 }}
        />
      </Menu.Target>
      {at ? <Menu.Dropdown>{children}</Menu.Dropdown> : null}
    </Menu>
  )
}
