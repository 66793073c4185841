import { ActionIcon } from '@mantine/core'
import type { ComponentPropsWithRef } from 'react'

interface IconButtonProps extends Omit<ComponentPropsWithRef<'button'>, 'color'> {
  /** Its name, and what `Tips` tells of it. */
  readonly label: string
  readonly pressed?: boolean
  readonly busy?: boolean
  readonly tone?: 'plain' | 'bad'
}

/** A button that shows only an icon. It always has a name. Also serves as the target of a menu. */
export function IconButton({ label, pressed, busy, tone = 'plain', style, ...rest }: IconButtonProps) {
  return (
    <ActionIcon
      variant="subtle"
      size={28}
      color={tone === 'bad' ? 'red' : 'gray'}
      aria-label={label}
      aria-pressed={pressed}
      data-pressed={pressed || undefined}
      data-tip={label}
      loading={busy}
      {...(style ? { style } : {})}
      {...rest}
    />
  )
}
