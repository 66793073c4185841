import { NumberInput, TextInput } from '@mantine/core'
import { type ReactNode, useEffect, useId, useState } from 'react'
import styles from './settings.module.css'

interface RowProps {
  readonly title: string
  readonly text?: string
  /** Gets the id of the title, which names the control. */
  readonly children: (titleId: string) => ReactNode
}

/** One preference: what it is, and its control. */
export function Row({ title, text, children }: RowProps) {
  const id = useId()
  return (
    <div className={styles.row}>
      <div className={styles.words}>
        <div id={id}>{title}</div>
        {text ? <div className={styles.text}>{text}</div> : null}
      </div>
      <div className={styles.control}>{children(id)}</div>
    </div>
  )
}

interface TextSettingProps {
  readonly labelledBy: string
  readonly value: string
  readonly placeholder?: string
  readonly required?: boolean
  readonly onSave: (value: string) => void
}

/** Saves when the user is done with it: on Enter, or on leaving. Escape takes it back. */
export function TextSetting({ labelledBy, value, placeholder, required, onSave }: TextSettingProps) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  const save = () => {
    const wanted = text.trim()
    if (required && wanted === '') setText(value)
    else if (wanted !== value) onSave(wanted)
  }
  return (
    <TextInput
      aria-labelledby={labelledBy}
      placeholder={placeholder}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === 'Enter') save()
        if (event.key === 'Escape') setText(value)
      }}
    />
  )
}

interface NumberSettingProps {
  readonly labelledBy: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly onSave: (value: number) => void
}

/** The same for a number, kept between its bounds. */
export function NumberSetting({ labelledBy, value, min, max, onSave }: NumberSettingProps) {
  const [number, setNumber] = useState<number | string>(value)
  useEffect(() => setNumber(value), [value])
  const save = () => {
    if (typeof number !== 'number') setNumber(value)
    else if (number !== value) onSave(Math.min(max, Math.max(min, Math.round(number))))
  }
  return (
    <NumberInput
      aria-labelledby={labelledBy}
      value={number}
      min={min}
      max={max}
      allowDecimal={false}
      clampBehavior="blur"
      onChange={setNumber}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === 'Enter') save()
        if (event.key === 'Escape') setNumber(value)
      }}
    />
  )
}
