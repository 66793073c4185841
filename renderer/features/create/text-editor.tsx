import { useMemo } from 'react'
import styles from './offer.module.css'

interface TextEditorProps {
  readonly label: string
  readonly value: string
  /** From 1; absent: nothing is wrong. */
  readonly faultLine: number | undefined
  readonly onChange: (value: string) => void
}

/** A plain text with its lines' numbers. Tab leaves it, as it leaves every field. */
export function TextEditor({ label, value, faultLine, onChange }: TextEditorProps) {
  const lines = useMemo(() => value.split('\n').length, [value])
  const numbers = useMemo(() => Array.from({ length: lines }, (_, index) => index + 1), [lines])
  return (
    <div className={styles.editor}>
      <div className={styles.numbers} aria-hidden>
        {numbers.map((number) => (
          <div key={number} data-faulty={number === faultLine || undefined}>
            {number}
          </div>
        ))}
      </div>
      <textarea
        className={styles.textArea}
        aria-label={label}
        aria-invalid={faultLine !== undefined}
        spellCheck={false}
        autoComplete="off"
        wrap="off"
        rows={lines}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </div>
  )
}
