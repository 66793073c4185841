import { Loader } from '@mantine/core'
import type { ComponentPropsWithRef } from 'react'
import styles from './icon-button.module.css'

interface IconButtonProps extends ComponentPropsWithRef<'button'> {
  /** Its name, and what `Tips` tells of it. */
  readonly label: string
  readonly pressed?: boolean
  /** It cannot be pressed, and says that it works. */
  readonly busy?: boolean
}

/**
 * A button that shows only an icon. It always has a name. Also serves as the target of a menu. Of its own make: a long
 * list has two in each row, and the component library's takes several times as long to draw.
 */
export function IconButton({
  label,
  pressed,
  busy = false,
  disabled,
  className,
  children,
  ...rest
}: IconButtonProps) {
  return (
    <button
      type="button"
      className={className ? `${styles.button} ${className}` : styles.button}
      aria-label={label}
      aria-pressed={pressed}
      aria-busy={busy || undefined}
      data-tip={label}
      disabled={disabled || busy}
      {...rest}
    >
      {busy ? <Loader size={14} color="currentColor" /> : children}
    </button>
  )
}
