import { UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import type { RenderedTemplate } from '#contract'
import styles from './templates.module.css'

interface FilesPreviewProps {
  readonly rendered: RenderedTemplate | undefined
  readonly busy: boolean
}

/** The files that are written, with the text of one of them: at first the definition's. */
export function FilesPreview({ rendered, busy }: FilesPreviewProps) {
  const [path, setPath] = useState<string | undefined>()
  const files = rendered?.files ?? []
  const shown =
    files.find((file) => file.path === path) ?? files.find((file) => file.path === rendered?.definition.path)
  return (
    <section className={styles.preview} aria-label="What it becomes" aria-busy={busy}>
      <ul className={styles.files} aria-label="Files">
        {files.map((file) => (
          <li key={file.path}>
            <UnstyledButton
              className={styles.file}
              aria-pressed={file === shown}
              onClick={() => setPath(file.path)}
            >
              {file.path}
            </UnstyledButton>
          </li>
        ))}
      </ul>
      <section
        className={styles.text}
        aria-label={shown ? `Text of ${shown.path}` : 'Text'}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by the keyboard
        tabIndex={0}
      >
        {shown ? (shown.text ?? `${shown.size} bytes that are no text.`) : ''}
      </section>
      {rendered?.leftOut.map((one) => (
        <p className={styles.left} key={one.path}>
          {one.path} is left out: {one.reason}.
        </p>
      ))}
    </section>
  )
}
